"""Sealing what is there already with the first key of DATA_KEY, while a server works: `Rekeying` does one pass.

Seals, seals anew with another key, or unseals: all three change whatever is not as the first key would have it.
Everything is written in its new form before the old one goes, and readers look for both as long as DATA_KEY holds both,
so a pass may be killed anywhere and repeated.
"""

from db.rekey.passes import Rekeying
from db.rekey.progress import Progress

__all__ = ["Progress", "Rekeying"]

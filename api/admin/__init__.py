"""The operator's side: its page, and the JSON that the page is fed with. `api.door` decides who gets there."""

from api.admin import activity, keys, people, state
from api.admin.session import blueprint

__all__ = ["activity", "blueprint", "keys", "people", "state"]

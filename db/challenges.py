"""Challenges: each is issued for one ID and can be answered once, within its lifetime."""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from codes_dict import Code, Refusal
from db.schema import challenges
from db.session import Database

_KEPT_S = 86_400
"""How long a challenge is stored, so that a late answer can be told from an invented one."""


@dataclass(eq=False)
class Challenges:
    """The challenges that were issued. `lifetime_s` is how long one may be answered; `draw` draws 32 hex digits."""

    database: Database
    lifetime_s: int
    clock: Callable[[], float] = time.time
    draw: Callable[[], str] = lambda: secrets.token_hex(16)

    def issue(self, person_id: str, actions: Sequence[str]) -> str:
        """Store a new challenge for an ID and return its nonce, 32 hex digits. Raises `Refusal(DB_DOWN)`."""
        nonce, now = self.draw(), int(self.clock())
        row = {"nonce": nonce, "reco_id": person_id, "actions": ",".join(actions), "created": now}
        with self.database.writing(failed=Code.DB_DOWN) as connection:
            connection.execute(sa.delete(challenges).where(challenges.c.created < now - _KEPT_S))
            connection.execute(sa.insert(challenges).values(row))
        return nonce

    def redeem(self, person_id: str, nonce: str) -> tuple[str, ...]:
        """Redeem a challenge and return its actions; of two simultaneous attempts one succeeds.

        Raises `Refusal`: CHALLENGE_FOREIGN (of another ID, or unknown), CHALLENGE_REUSED, CHALLENGE_EXPIRED, DB_DOWN.
        """
        now, row = int(self.clock()), challenges.c.nonce == nonce
        open_ = challenges.c.used.is_(None) & (challenges.c.created >= now - self.lifetime_s)
        with self.database.writing(failed=Code.DB_DOWN) as connection:
            mine = row & (challenges.c.reco_id == person_id)
            taken = connection.execute(sa.update(challenges).where(mine & open_).values(used=now)).rowcount
            columns = challenges.c.reco_id, challenges.c.actions, challenges.c.used
            found = connection.execute(sa.select(*columns).where(row)).first()
        if found is None or found.reco_id != person_id:
            raise Refusal(Code.CHALLENGE_FOREIGN, field="challenge")
        if taken == 1:
            return tuple(str(found.actions).split(","))
        raise Refusal(Code.CHALLENGE_EXPIRED if found.used is None else Code.CHALLENGE_REUSED, field="challenge")

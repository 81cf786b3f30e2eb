"""The operator's door: who gets in, for how long, and how often somebody may guess."""

from __future__ import annotations

import pytest

from codes_dict import Code, Refusal
from security.door import Door
from security.limits import Limits
from security.sessions import IDLE_S, LONGEST_S, MOST, Sessions

PASSWORD, PUBLISHED = "Of-th1s-test-alone", "Everybody-kn0ws-it"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def refusal_of(door: Door, sent: str, limits: Limits, address: str = "127.0.0.1") -> Refusal:
    with pytest.raises(Refusal) as caught:
        door.sign_in(sent, address, limits)
    return caught.value


def test_the_password_opens_and_nothing_else_does() -> None:
    door, limits = Door(lambda: PASSWORD, {PUBLISHED}), Limits()
    for wrong in ("", PASSWORD.lower(), PASSWORD + " ", "é\udcff"):
        assert refusal_of(door, wrong, limits).code is Code.NO_KEY
    token, session = door.sign_in(PASSWORD, "127.0.0.1", limits)
    assert door.session(token) == session
    assert door.session("") is None
    assert door.session(token + "x") is None


@pytest.mark.parametrize("password", [PUBLISHED, None])
def test_a_published_or_missing_password_keeps_it_closed_with_a_sentence(password: str | None) -> None:
    door = Door(lambda: password, {PUBLISHED})
    refusal = refusal_of(door, PUBLISHED, Limits())
    assert (refusal.code, refusal.advice) == (Code.NOT_ALLOWED, door.why_closed())
    assert door.why_closed().startswith("The operator's side is closed")


def test_wrong_passwords_lock_their_address_out_even_for_the_right_one() -> None:
    door, limits = Door(lambda: PASSWORD, ()), Limits()
    assert [refusal_of(door, "x", limits).code for _ in range(6)] == [Code.NO_KEY] * 5 + [Code.TOO_MANY]
    refusal = refusal_of(door, PASSWORD, limits)
    assert refusal.code is Code.TOO_MANY
    assert 0 < (refusal.results or {})["retry_after"] <= 30
    door.sign_in(PASSWORD, "192.0.2.1", limits)


def test_an_ipv6_client_is_counted_by_its_network_whatever_address_of_it_it_takes() -> None:
    door, limits = Door(lambda: PASSWORD, ()), Limits()
    codes = [refusal_of(door, "x", limits, f"2001:db8::{number}").code for number in range(6)]
    assert codes == [Code.NO_KEY] * 5 + [Code.TOO_MANY]
    mapped = [refusal_of(door, "x", limits, "::ffff:192.0.2.1").code for _ in range(6)]
    assert mapped == codes
    for other in ("2001:db8:0:1::1", "::1", "192.0.2.2", "::ffff:192.0.2.3", "fe80::1%eth0"):
        door.sign_in(PASSWORD, other, limits)


def test_a_session_ends_after_idle_minutes_and_after_a_day_of_work() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    token, _ = sessions.begin(PASSWORD)
    clock.now += IDLE_S - 1
    assert sessions.find(token, PASSWORD)
    clock.now += IDLE_S
    assert sessions.find(token, PASSWORD) is None
    token, _ = sessions.begin(PASSWORD)
    for _ in range(int(LONGEST_S / (IDLE_S - 1))):
        clock.now += IDLE_S - 1
        assert sessions.find(token, PASSWORD)
    clock.now += IDLE_S - 1
    assert sessions.find(token, PASSWORD) is None


def test_signing_out_and_another_password_end_sessions() -> None:
    passwords = [PASSWORD]
    door, limits = Door(lambda: passwords[0], ()), Limits()
    first, second = (door.sign_in(PASSWORD, "::1", limits)[0] for _ in range(2))
    door.sign_out(first)
    assert (door.session(first), door.session(second) is None) == (None, False)
    passwords[0] = "An0ther-one!"
    assert door.session(second) is None


def test_the_session_that_was_idle_longest_makes_room() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    tokens = []
    for _ in range(MOST):
        clock.now += 1
        tokens.append(sessions.begin(PASSWORD)[0])
    assert sessions.find(tokens[0], PASSWORD)
    clock.now += 1
    sessions.begin(PASSWORD)
    assert [sessions.find(one, PASSWORD) is not None for one in tokens[:3]] == [True, False, True]


def test_no_token_or_password_is_kept_as_it_is() -> None:
    sessions = Sessions()
    token, _ = sessions.begin(PASSWORD)
    kept = repr(vars(sessions))
    assert token not in kept
    assert PASSWORD not in kept

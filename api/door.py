"""Who may use the operator's side: decided from a request's head, like everything about callers.

Its own session, not a signed cookie: it has to end at sign-out and with the process. So the token against forged
requests lives in the session too, and comparing it is one line; a form library would bring a second, signed session.
"""

import hmac
from http.cookies import CookieError, SimpleCookie

from api.head import Head, is_proxy
from api.loopback import check_machine, is_own_page
from api.source import Source
from codes_dict import Code, Refusal
from security.callers import ADMIN, Caller, Rules

COOKIE = "faceapp_admin"
OPERATOR = "operator"
"""What stands in place of a key's id for requests of the operator's side."""
PAGE, API, FILES = "/admin", "/admin/api/", "/static/admin/"
SESSION = "/admin/api/session"
MOST_BYTES = 16 * 1024
"""Bytes of a request's body: a password, or a key's name and scopes."""

_READING = ("GET", "HEAD")
_REACH = (
    "The operator's side answers on the server itself or over TLS only. Use localhost, or a proxy that is in "
    "TRUSTED_PROXIES and sets X-Forwarded-Proto: https."
)


def is_behind(path: str) -> bool:
    """Whether a path belongs to the operator's side."""
    return path == PAGE or path.startswith((f"{PAGE}/", FILES))


def admit(head: Head, services: Source) -> Caller:
    """Return who calls: an operator where there is a session, somebody without scopes for the page and signing in.

    Refuses with NOT_ALLOWED what comes neither over loopback nor TLS, from another page or without the token against
    forged requests; with NO_KEY what needs a session and has none.
    """
    rules = services.rules()
    check_reach(head, rules)
    stranger = Caller(address=head.client(rules))
    if not head.path.startswith(API):
        return stranger
    if not is_own_page(head):
        raise Refusal(Code.NOT_ALLOWED, advice="Only the operator's page itself may send this.")
    _check_size(head)
    session = services.door.session(token_of(head))
    if session is None:
        if head.path == SESSION:
            return stranger
        raise Refusal(Code.NO_KEY, advice="Sign in at /admin: there is no session, or it has ended.")
    is_forged = not hmac.compare_digest(session.csrf.encode(), head.headers.get("X_CSRF_TOKEN", "").encode())
    if is_forged and head.method not in _READING and (head.method, head.path) != ("POST", SESSION):
        raise Refusal(Code.NOT_ALLOWED, advice="Send the session's token as X-CSRF-Token.")
    return Caller(frozenset({ADMIN}), OPERATOR, stranger.address)


def check_reach(head: Head, rules: Rules) -> None:
    """Refuse with NOT_ALLOWED what comes neither from this machine nor over TLS."""
    if is_over_tls(head, rules):
        return
    try:
        check_machine(head, rules)
    except Refusal as refusal:
        raise Refusal(Code.NOT_ALLOWED, advice=_REACH) from refusal


def is_over_tls(head: Head, rules: Rules) -> bool:
    """Whether a trusted proxy says that the request came over TLS."""
    return is_proxy(head.peer, rules) and head.headers.get("X_FORWARDED_PROTO", "").strip().lower() == "https"


def token_of(head: Head) -> str:
    """Return the session's token, empty where the request has none."""
    try:
        found = SimpleCookie(head.headers.get("COOKIE", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _check_size(head: Head) -> None:
    """Refuse a large body before it is received; one of unknown size is bounded when it is read."""
    stated = head.headers.get("CONTENT_LENGTH", "0")
    if not stated.isascii() or not stated.isdigit() or len(stated) > 9 or int(stated) > MOST_BYTES:
        raise Refusal(Code.TOO_LARGE, advice=f"Send at most {MOST_BYTES} bytes.")

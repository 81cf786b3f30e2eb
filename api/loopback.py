"""The server without keys is open to its own machine: not to other hosts, to proxies, or to web pages in a browser."""

import re
from collections.abc import Collection

from api.head import Head, as_address
from codes_dict import Code, Refusal
from security.callers import Rules

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]\s]+)(?::[0-9]{1,5})?", re.ASCII)
_PROXY_HEADER = re.compile(
    r".*FORWARDED.*|.*CLIENT_?IP|VIA|CDN_LOOP|CF_.*|PROXY_.*|X_(REAL_IP|PROXYUSER_IP|HOST|(ORIGINAL|ENVOY|AMZN|AZURE)_.*)"
)
"""What proxies, load balancers and content networks add to a request, and browsers and clients do not."""

_KEY = "This server has no keys, so it answers its own machine alone. Ask its operator to make a key (bin/keys)."
_NAME = "Address the server as localhost. Other names need a key, or have to be in ALLOWED_HOSTS."


def check_local(head: Head, rules: Rules) -> None:
    """Refuse with NO_KEY a caller on another machine, with NOT_ALLOWED what came through a proxy or a web page."""
    check_machine(head, rules)
    if not is_own_page(head, rules.cors_origins):
        raise Refusal(Code.NOT_ALLOWED, advice="Other web pages need a key, or have to be in CORS_ORIGINS.")


def check_machine(head: Head, rules: Rules) -> None:
    """Refuse with NO_KEY a caller on another machine, with NOT_ALLOWED a proxy or another name for this machine."""
    peer = as_address(head.peer)
    if peer is None or not peer.is_loopback:
        raise Refusal(Code.NO_KEY, advice=_KEY)
    if _is_forwarded(head):
        raise Refusal(Code.NOT_ALLOWED, advice="Requests through a proxy need a key. Ask the operator for one.")
    if not _is_own_name(head.headers.get("HOST", ""), rules):
        raise Refusal(Code.NOT_ALLOWED, advice=_NAME)


def _is_forwarded(head: Head) -> bool:
    """Whether a proxy shows: by a header, or by HTTP/1.0, which nginx speaks by default and clients no longer do."""
    named = any(_PROXY_HEADER.fullmatch(name) for name in head.headers)
    return named or head.version == "1.0"


def _is_own_name(host: str, rules: Rules) -> bool:
    """Whether Host is a loopback name: an attacker's name can be made to resolve to this machine."""
    found = _HOST.fullmatch(host)
    if found is None:
        return False
    name = found[1].strip("[]").lower().rstrip(".")
    address = as_address(name)
    return name == "localhost" or name in rules.allowed_hosts or (address is not None and address.is_loopback)


def is_own_page(head: Head, listed: Collection[str] = ()) -> bool:
    """Whether no web page sent the request, or one of this server or of a listed origin."""
    origin = head.headers.get("ORIGIN")
    if origin in listed:
        return True
    host = head.headers.get("HOST", "").lower()
    is_own_origin = origin is None or origin.lower() in {f"http://{host}", f"https://{host}"}
    return is_own_origin and head.headers.get("SEC_FETCH_SITE", "same-origin") == "same-origin"

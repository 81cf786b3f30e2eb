"""Nonsense over HTTP: every reply is an envelope with a request id, none is 599, none is empty or late.

`FUZZ_CASES=20000 .venv/bin/python -m pytest tests/http/test_fuzz.py` runs for longer. A failure prints its bytes.
"""

from __future__ import annotations

import base64
import json
import os
import random
import socket
from collections.abc import Iterator
from urllib.parse import quote_from_bytes

import pytest

from tests.http.site import ID, ROOT, blank
from tests.http.test_load import SETTINGS
from tools.installation.trial import TrialServer, trial_server

CASES = int(os.environ.get("FUZZ_CASES", "4000"))
PATIENCE_S = 60.0

METHODS = ["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", "CONNECT", "POST", "POST", "get", "P(ST"]
PATHS = [
    f"/upload_imgs?id={ID}", f"/upload_imgs/?id={ID}", "/upload_imgs", "/upload_db", "/verify", "/verify/",
    f"/upload_imgs?id={ID}&id=", "/upload_imgs?id=%ff%00", f"/upload_imgs?id={ID}&challenge=%00&challenge=",
    "/liveness/challenge", "/health", "/health/ready", "/codes", "/codes/630", "/codes/%d9%a1", "/", "*", "//", "/%zz%",
    "/../../etc/passwd", "http://x/health", "http://[::1/x", "http://x", "/?" + "a" * 9_000, "/\u00ff", "", "/codes/-1",
]  # fmt: skip
TYPES = [
    "application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=cut", "text/plain",
    "application/x-www-form-urlencoded; charset=latin-1", "application/x-www-form-urlencoded; charset=utf-16",
    "multipart/form-data", 'multipart/form-data; boundary="', "multipart/form-data; boundary=\u00e9",
    "application/json; charset=x", "application/a+json", ";;=", "multipart/form-data; boundary=" + "-" * 500,
]  # fmt: skip
HEADERS = [
    "Host: x", "Host: x", "Host: ", "Host: [::", "Host: a, b", "Expect: 100-continue", "Expect: x", "Connection: close",
    "Connection: upgrade\r\nUpgrade: websocket", "X-Request-ID: \u00e4", "X-Forwarded-For: x", "Forwarded: for=",
    "Transfer-Encoding: chunked", "Transfer-Encoding: gzip", "Content-Length: 5", "Content-Length: -1",
    "Range: bytes=0-", "Content-Length: 99999999999999999999", "Accept: ;q=x", "Cookie: ===;", "Content-Encoding: gzip",
    "A" * 70_000,
    "If-Modified-Since: x", "Authorization: Basic x", " folded", "A:\0", "Content-Type", "X-Real-IP: \t", "Via: \x85",
]  # fmt: skip
KEYS = [
    "upload_id",
    "name",
    "delete_pickles",
    "rebuild_db",
    "in_place",
    "skip_verify",
    "skip_db_search",
    "skip_liveness",
]
VALUES = [
    "true", "false", "1", "", "\0", "\ud800", "\u0661", "a" * 300, f"{ID}-{'0' * 32}", "../x", "image", ID, "NaN",
    "data:image/png;base64,", "data:,x", base64.b64encode(blank(40)).decode(), "%", "+", "image_1", "\u202e",
]  # fmt: skip
PHOTO = blank(40)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrialServer]:
    with trial_server(ROOT, tmp_path_factory.mktemp("server"), SETTINGS) as running:
        yield running


def text(choose: random.Random) -> str:
    return "".join(choose.choices(VALUES, k=choose.choice((1, 1, 1, 2))))


def encoded(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")


def form(choose: random.Random) -> bytes:
    keys = choose.choice((KEYS[:5], ["upload_id", *KEYS[5:]], ["image", "image2"], ["id"]))
    pairs = [(key, text(choose)) for key in keys if choose.random() < 0.95]
    separators = choose.choices([b"&", b"&", b"&", b"&&", b";"], k=len(pairs))
    written = [encoded(key) + b"=" + quote_from_bytes(encoded(value)).encode() + end
               for (key, value), end in zip(pairs, separators, strict=True)]  # fmt: skip
    return b"".join(written)


def anything(choose: random.Random, depth: int = 0) -> object:
    if depth > 3 or choose.random() < 0.5:
        return choose.choice([text(choose), 7, -1e300, None, True, 10**400, ""])
    if choose.random() < 0.5:
        return [anything(choose, depth + 1) for _ in range(choose.randrange(4))]
    return {
        choose.choice(("images", "image", "x", "")): anything(choose, depth + 1) for _ in range(choose.randrange(4))
    }


def json_body(choose: random.Random) -> bytes:
    body = {"images": [anything(choose) for _ in range(choose.randrange(4))], "image": anything(choose)}
    depth = choose.choice((0, 0, 0, 5_000))
    return b"[" * depth + json.dumps(body).encode(choose.choice(("utf-8", "utf-8", "utf-16", "utf-32")))


def multipart(choose: random.Random) -> bytes:
    parts = []
    for _ in range(choose.choice((0, 1, 2, 2, 3, 120))):
        name = choose.choice(["", '; name="image"', "; name=a", '; name="', "; name*=utf-8''%ff", '; name="\xe9"'])
        file = choose.choice(["", "", '; filename="a.jpg"', '; filename=""', "; filename*=x''%", '; filename="\0\xff"'])
        kind = choose.choice(
            ["", "\r\nContent-Type: image/jpeg", "\r\nContent-Type: text/plain; charset=x", "\r\n: ", "\r\n x"]
        )
        head = choose.choice(
            ["Content-Disposition: form-data", "Content-Disposition: form-data", "Content-Disposition: ", "A: "]
        )
        data = choose.choice([PHOTO, b"", b"\0", encoded(text(choose)), b"--cut", b"\r\n--cut"])
        parts.append(b"--cut\r\n" + (head + name + file + kind).encode("latin-1") + b"\r\n\r\n" + data + b"\r\n")
    return b"".join(parts) + choose.choice([b"--cut--\r\n", b"--cut--\r\n", b"--cut--\r\n", b"--cut", b""])


MAKERS = [form, json_body, multipart]


def chunked(choose: random.Random, body: bytes) -> bytes:
    end = choose.choice([b"0\r\n\r\n", b"0\r\n\r\n", b"0\r\nA: b\r\n\r\n", b"0\r\n", b"-1\r\n\r\n", b"", b"1" * 99])
    return b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in (body[:10], body[10:]) if one) + end


def damaged(choose: random.Random, data: bytes) -> bytes:
    """Cut, double, drop or replace something."""
    at, to = sorted((choose.randrange(len(data) + 1), choose.randrange(len(data) + 1)))
    piece = choose.choice([b"", data[at:to] * 2, choose.randbytes(5), b"\r\n", b"\0", b"\n", b":", b"\r\n\r\n"])
    return data[:at] + piece + data[choose.choice((at, to)) :]


def request(choose: random.Random) -> bytes:
    body = choose.choice(MAKERS)(choose) if choose.random() < 0.8 else b""
    if choose.random() < 0.2:
        body = damaged(choose, body)
    headers = choose.sample(HEADERS, k=choose.choice((0, 0, 0, 1, 2))) if choose.random() < 0.6 else []
    length = f"Content-Length: {len(body)}"
    if choose.random() < 0.15:
        body, length = chunked(choose, body), "Transfer-Encoding: chunked"
    line = f"{choose.choice(METHODS)} {choose.choice(PATHS)} HTTP/{choose.choice(('1.1', '1.1', '1.1', '1.0', '2.0'))}"
    head = "\r\n".join([line, "Host: x", f"Content-Type: {choose.choice(TYPES)}", length, *headers])
    whole = head.encode("latin-1") + b"\r\n\r\n" + body
    return damaged(choose, whole) if choose.random() < 0.25 else whole


def usual(choose: random.Random) -> bytes:
    """Return a request whose body is of the type that it says, to an endpoint that takes it."""
    paths = [(form, TYPES[0], "/upload_db"), (form, TYPES[0], "/verify"), (json_body, TYPES[1], PATHS[0])]
    make, kind, path = choose.choice([*paths, (multipart, TYPES[2], PATHS[0]), (form, TYPES[0], PATHS[0])])
    body = make(choose)
    return (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )


def replies(server: TrialServer, sent: bytes, cut: int) -> bytes:
    """Send a request in two pieces and stop sending; return all that comes back."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as connection:
        connection.sendall(sent[:cut])
        connection.sendall(sent[cut:])
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def problem(received: bytes, is_head: bool) -> str:
    """Return what is wrong with the first reply, nothing where it is an envelope."""
    received = received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    head, _, body = received.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    if not head.startswith(b"HTTP/1.") or b"x-request-id" not in fields:
        return f"no reply of ours: {received[:200]!r}"
    if is_head and (not body or body.startswith(b"HTTP/1.")):
        return ""
    envelope = json.loads(body[: int(fields[b"content-length"])])
    codes = [value for key, value in envelope.items() if key.endswith("code")]
    if len(envelope) != 4 or "system_errors" not in envelope or len(codes) != 1:
        return f"no envelope: {list(envelope)}"
    return "599" if codes == [599] else ""


@pytest.mark.models
def test_nonsense_is_answered_in_the_envelope_and_is_never_599(server: TrialServer) -> None:
    choose = random.Random(11)
    for number in range(CASES):
        sent = usual(choose) if choose.random() < 0.4 else request(choose)
        cut = choose.randrange(len(sent) + 1)
        if not sent.strip(b"\r\n"):
            continue  # no request
        try:
            wrong = problem(replies(server, sent, cut), sent.lstrip().startswith(b"HEAD"))
        except (OSError, ValueError, KeyError) as error:
            wrong = repr(error)
        assert not wrong, f"case {number}: {wrong}\n{sent[:3000]!r}"
    assert "code 599" not in (server.folder / "faceapp.log").read_text()

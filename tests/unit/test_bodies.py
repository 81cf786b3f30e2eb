"""Forms are decoded as `urllib` decodes them, however long, and within bounds."""

from __future__ import annotations

import random
from urllib.parse import parse_qsl, urlencode

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from api import bodies
from codes_dict import Code, Refusal

FORM = "application/x-www-form-urlencoded"


def request(body: bytes) -> Request:
    return Request(EnvironBuilder(method="POST", data=body, content_type=FORM).get_environ())


def test_a_long_value_is_decoded_whole_wherever_its_pieces_end() -> None:
    value = "a" * (bodies.CHUNK - 3) + "+/= é\u674e%" * 20_000
    for before in range(4):
        sent = urlencode([("b" * before, ""), ("k", value)]).encode()
        assert bodies.form_fields(request(sent), 1) == [("b" * before, ""), ("k", value)]


def test_a_form_is_decoded_as_urllib_decodes_it() -> None:
    choose = random.Random(1)
    for _ in range(2_000):
        sent = "".join(choose.choices(["%", "%4", "%41", "%C3%A9", "+", "&", "=", "a", "\u00e9", "\r\n", "%zz"], k=12))
        expected = parse_qsl(sent, keep_blank_values=True, errors="surrogateescape")
        assert bodies.form_fields(request(sent.encode()), 1) == expected
    for before in range(4):
        value = "b" * before + "%%41" * bodies.CHUNK
        expected = parse_qsl(f"a={value}", keep_blank_values=True)
        assert bodies.form_fields(request(f"a={value}".encode()), 1) == expected


def test_a_form_has_a_bounded_number_of_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MOST_ESCAPES", 3)
    assert bodies.form_fields(request(b"a=%41%41%41"), 1) == [("a", "AAA")]
    with pytest.raises(Refusal) as refused:
        bodies.form_fields(request(b"a=%41%41%41%41"), 1)
    assert refused.value.code is Code.TOO_LARGE

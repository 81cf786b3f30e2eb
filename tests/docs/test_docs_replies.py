"""What counts as the reply that a page shows, and what does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.docs.blocks import Block, blocks
from tests.docs.replies import Bindings, differences, shown_values
from tests.docs.terminal import Terminal

UPLOAD, REAL = "ID_1-cdb14bab722028d870ad785e528ac5df", "ID_1-00000000000000000000000000000001"
REPLY: dict[str, Any] = {
    "code": 200, "upload_id": REAL, "score": 9.84, "milliseconds": 3.1, "time": "2026-11-27T02:45:27+00:00",
    "stages": [{"name": "id", "in": 1}, {"name": "detect", "in": 2}, {"name": "compare", "in": 2}],
}  # fmt: skip


@pytest.mark.parametrize(
    "shown",
    [
        "{...}",
        '{"code": 200, ...}',
        '{"code": ..., "score": 9.81, ...}',
        '{..., "stages": [..., {"name": "detect", "in": 2}, ...]}',
        '{"stages": [{...}, {...}, {"name": "compare", ...}], ...}',
        f'{{"upload_id": "{UPLOAD}", "milliseconds": 88, "time": "2001-01-01T00:00:00+00:00", ...}}',
    ],
)
def test_a_reply_that_is_as_it_is_shown(shown: str) -> None:
    assert differences(shown_values(shown)[0], REPLY, Bindings()) == []


@pytest.mark.parametrize(
    "shown",
    [
        '{"code": 200}',
        '{"code": 100, ...}',
        '{"code": "200", ...}',
        '{"score": 9.2, ...}',
        '{"accepted": true, ...}',
        '{"stages": [], ...}',
        '{"stages": [..., {"name": "compare", ...}, {"name": "id", ...}, ...], ...}',
        '{"upload_id": "ID_2-cdb14bab722028d870ad785e528ac5df", ...}',
    ],
)
def test_a_reply_that_is_another_one(shown: str) -> None:
    assert differences(shown_values(shown)[0], REPLY, Bindings()) != []


def test_a_printed_id_stands_for_one_real_id() -> None:
    bindings = Bindings()
    assert differences({"a": UPLOAD, "b": UPLOAD}, {"a": REAL, "b": REAL}, bindings) == []
    assert bindings.real(f"curl -d upload_id={UPLOAD}") == f"curl -d upload_id={REAL}"
    assert differences({"a": UPLOAD}, {"a": REAL.replace("1", "2")}, bindings) != []


def test_values_are_read_with_what_is_left_out() -> None:
    assert shown_values('{"a": "..."}\n[1]') == [{"a": "..."}, [1]]
    with pytest.raises(ValueError, match="Expecting"):
        shown_values('{"a": }')


PAGE = """
```sh
cd sub
echo '{"code": 1}'
```
```json
{"code": 1}
```
<!-- not run: a reason -->
```sh
exit 7
```
```console
$ pwd | sed 's|.*/||'
sub
```
"""


def test_a_page_is_followed_from_block_to_block(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    assert follow(tmp_path, PAGE) == []
    assert follow(tmp_path, PAGE.replace("<!-- not run: a reason -->\n", "")) == ["page:9: status 7: "]
    (fault,) = follow(tmp_path, PAGE.replace('{"code": 1}\n```\n<', '{"code": 2}\n```\n<'))
    assert fault == "page:6: .code: 2 is shown, 1 came"
    (fault,) = follow(tmp_path, PAGE.replace("\nsub\n", "\nanother\n"))
    assert fault.startswith("page:13: printed is\nsub\n")


@pytest.mark.parametrize("key", ["results", "recognition_results"])
def test_a_refusal_that_is_not_shown_is_a_fault(tmp_path: Path, key: str) -> None:
    refusal = json.dumps({"code": 500, key: {"accepted": False, "advice": "Check the ID."}})
    assert follow(tmp_path, f"```sh\necho '{refusal}'\n```\n")[0].startswith("page:1: refused: ")
    assert follow(tmp_path, f"```sh\necho '{refusal}'\n```\n```json\n{{\"code\": 500, ...}}\n```\n") == []


def follow(folder: Path, text: str) -> list[str]:
    page: list[Block] = list(blocks("page", text))
    return Terminal(folder, "127.0.0.1:1").follow(page)

"""What people saw in the frames of the public clips of one person each: `clips.json`, counted from 0."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

Frames = tuple[int, ...]


@dataclass(frozen=True)
class Labels:
    """A clip's frames as a person sees them.

    `base` is the one that heads are measured against, None where heads are not labelled: clearly to the image's `left`,
    to its `right`, and straight `ahead`. `turned` are strongly turned heads, about ten of a second: neighbours look
    alike. `smiling` and `closed` eyes are in full, `half_smiling` and `half_closed` on the way there or back.
    """

    base: int | None = None
    left: Frames = ()
    right: Frames = ()
    ahead: Frames = ()
    turned: Frames = ()
    smiling: Frames = ()
    half_smiling: Frames = ()
    closed: Frames = ()
    half_closed: Frames = ()


def _expanded(parts: Iterable[int | list[int]]) -> Frames:
    """Return the frames of a list in which `[first, last]` stands for a run of them."""
    runs = (range(part[0], part[1] + 1) if isinstance(part, list) else (part,) for part in parts)
    return tuple(frame for run in runs for frame in run)


LABELS: Mapping[str, Labels] = {
    name: Labels(about.pop("base", None), **{kind: _expanded(parts) for kind, parts in about.items()})
    for name, about in json.loads(Path(__file__).with_name("clips.json").read_text(encoding="utf-8")).items()
}
"""By file name. The person of the last one smiles all along: that is the neutral frame here."""

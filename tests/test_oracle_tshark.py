"""tshark as an oracle: at every hop of every shipped scenario its verdict on the bytes is the one that the model predicts there.

The bytes are those of the plain interpreter, the verdicts those of the symbolic one: what neither tells the other, tshark compares.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import live_tshark
import pytest
from taps import CAPTURES, SCENARIOS, replay_of, sampled, views, write_frames

from csumlab.explain import Field, explain
from csumlab.headers import KINDS, Verdict
from csumlab.trace import TAP

pytestmark = [
    pytest.mark.long,
    pytest.mark.needs_program,
    pytest.mark.skipif(not live_tshark.HERE, reason=live_tshark.MISSING),
]

LETTERS = {
    Verdict.GOOD: "G",
    Verdict.ABSENT: "NI",
    Verdict.PARTIAL: "BG",
    Verdict.DEFERRED: "B",
    Verdict.BLANK: "B",
    Verdict.BAD: "B",
}
"""tshark's letters for each verdict. It calls a zero over IPv6 illegal, and later versions call a partial sum good."""
COLUMN = {KINDS[kind].label: column for column, kinds in live_tshark.COLUMNS.items() for kind in kinds}
UNFRAGMENTED = "U"
"""Of a fragment tshark sums nothing."""


@dataclass(frozen=True)
class Sight:
    """One packet at one port: its bytes, and by tshark's column what the model predicts, outermost first; None: not predictable."""

    where: str
    frame: bytes
    predicted: dict[str, list[Verdict | None]]


def sights(name: str) -> Iterator[Sight]:
    """A packet of every class of a scenario, the first of it, at every port where it can be seen."""
    folder = CAPTURES / name
    result = replay_of(name)
    settings = result.settings
    seen = views(sampled(name))
    firsts = {leaf.first[0] for leaf in result.classes}
    for number in sorted(firsts & {number for view in seen.values() for number in view.frames}):
        here: dict[str, tuple[Field, ...]] = {}
        for view in explain(folder / "traffic.pcapng", number, settings).views:
            if view.hop.stage is TAP:
                here.setdefault(view.hop.port, view.after)
        for port, fields in here.items():
            if port in seen and number in seen[port].frames:
                predicted: defaultdict[str, list[Verdict | None]] = defaultdict(list)
                for field in fields:
                    predicted[COLUMN[field.label.removeprefix("inner ")]].append(field.verdict)
                yield Sight(f"{name}, packet {number} at {port}", seen[port].frames[number], dict(predicted))


def test_every_hop_is_what_tshark_says(tmp_path: Path) -> None:
    """No verdict that the model predicts at a port is another one in tshark's eyes, and hundreds are compared."""
    found = [sight for name in SCENARIOS for sight in sights(name)]
    write_frames(tmp_path / "hops.pcapng", [sight.frame for sight in found])
    contrary, compared = [], 0
    for sight, said in zip(found, live_tshark.read(tmp_path / "hops.pcapng"), strict=True):
        for column, verdicts in sight.predicted.items():
            letters = said.letters.get(column, ())
            # A tunnel that tshark does not open, or a sum that it does not come to, has no letter.
            for verdict, letter in zip(verdicts, letters, strict=False):
                if verdict is not None and letter != UNFRAGMENTED:
                    compared += 1
                    if letter not in LETTERS[verdict]:
                        contrary.append(f"{sight.where}: {column} {verdict.name.lower()}, tshark says {letter}")
    assert contrary == []
    assert compared > 2000

"""``python -m tests.oracles.truth``: docs/truth.md, which says of every row of every stage what confirmed it, from csumlab/truth.json.

The file holds what ``record`` found on one kernel; the page is made from it anywhere. Other oracles add themselves to the same file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import csumlab
from csumlab.stage import Row, Stage
from csumlab.topology.presets import stages
from csumlab.truth import RECORD, Oracle, confirmations, read

CONFIRMED = Path(csumlab.__file__).parent / RECORD
PAGE = Path(__file__).resolve().parents[2] / "docs" / "truth.md"
_HEAD = """<!-- Made by `python -m tests.oracles.truth` from csumlab/truth.json (`python -m tests.oracles.record`). -->

# Truth

What holds the tables of [stages.md](stages.md) against reality. An oracle sends packets through the real thing and compares every byte
and flag that it shows with the model's walk. A row is **confirmed** if, with the row changed in any way that `tests/mutants.py` knows,
some comparison would not have come out. It is confirmed **partly** if some changes would have gone unnoticed: mostly what the packet
carries after a place where nobody asks for it any more. All other rows rest on source reading alone.
"""
_UNSEEN = {
    "does keep": "what it does",
    "does fill": "that it changes nothing",
    "does reject": "that it lets on",
    "does accept": "that it rejects",
}


def write(oracles: Mapping[str, Oracle]) -> None:
    text = json.dumps({name: asdict(oracle) for name, oracle in oracles.items()}, indent=1)
    CONFIRMED.write_text(text + "\n", encoding="utf-8")
    read.cache_clear()


def page(oracles: Mapping[str, Oracle]) -> str:
    """docs/truth.md."""
    lines = [_HEAD, "| oracle | version | comparisons |", "|---|---|---|"]
    lines += [f"| {one.name} | {one.version} | {one.comparisons} |" for one in oracles.values()]
    counted = {"confirmed": 0, "partly": 0, "by source reading": 0}
    tables: list[str] = []
    for stage in stages().values():
        tables += ["", f"## {stage.name}", "", "| row | standing | seen by | not seen |", "|---|---|---|---|"]
        for row in stage.table:
            standing, by, unseen = _standing(stage, row)
            counted[standing.split(":")[0]] += 1
            tables.append(f"| {row.because} | {standing} | {by} | {unseen} |")
    total = ", ".join(f"{number} {word}" for word, number in counted.items())
    return "\n".join([*lines, "", f"Of {sum(counted.values())} rows: {total}.", *tables, ""])


def _standing(stage: Stage, row: Row) -> tuple[str, str, str]:
    """Three cells: how a row stands, who saw it how often, and what nobody did."""
    found = [(oracle, entry) for oracle, entry in confirmations(stage, row) if entry.standing in ("confirmed", "partly")]
    by = ", ".join(f"{oracle.name} ({entry.observations})" for oracle, entry in found)
    if not found:
        sure = "" if row.sure == "read" else f": {row.sure}"
        return f"by source reading{sure}", "", ""
    if any(entry.standing == "confirmed" for _, entry in found):
        return "confirmed", by, ""
    unseen = set.intersection(*(set(entry.unnoticed) for _, entry in found))
    return "partly", by, ", ".join(_words(unseen))


def _words(changes: set[str]) -> list[str]:
    """Changes that go unnoticed, in words."""
    words = [text for change, text in _UNSEEN.items() if change in changes]
    return [*words, *(["what the packet carries then"] if any(change.startswith("becomes") for change in changes) else [])]


def main() -> None:
    PAGE.write_text(page(read()), encoding="utf-8")


if __name__ == "__main__":
    main()

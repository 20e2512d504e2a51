"""What each part of ``csumlab check`` costs on a capture: seconds in one warm process, part by part, without reading ahead.

    python benchmarks/parts.py CAPTURE...

"index" is dissection, verification and classes; "senders" the evidence on who sends what; "trail" fragments, copies and TCP flows;
"causes" forensics and grouping at the end. Captures of another shape cost other parts: see docs/benchmarks.md.
"""

from __future__ import annotations

import sys
import time

from csumlab.candidates import Candidates
from csumlab.capture import open_capture
from csumlab.evidence import Evidence
from csumlab.groups import Clues, groups_of
from csumlab.index import Index, PacketClass
from csumlab.trail import Trail

PARTS = ("reading", "index", "senders", "trail", "causes")


def measure(path: str) -> tuple[int, dict[str, float]]:
    """Packets, and seconds by part."""
    index, evidence, trail = Index(accelerate=True), Evidence(), Trail()
    classes: list[PacketClass] = []
    spent = dict.fromkeys(PARTS, 0.0)
    clock = time.perf_counter

    def lap(part: str, since: float) -> float:
        now = clock()
        spent[part] += now - since
        return now

    with open_capture(path) as capture:
        at = clock()
        for block in capture:
            at = lap("reading", at)
            member = index.add(block)
            if len(block) and int(member.class_of.max()) >= len(classes):
                classes = index.classes
            at = lap("index", at)
            fresh = [one.facts for one in classes[evidence.classes :]]
            evidence.see(member, fresh)
            at = lap("senders", at)
            trail.see(member, fresh, evidence.fresh, capture.interfaces)
            at = lap("trail", at)
        found = trail.finish()
        at = lap("trail", at)
        clues = Clues(Candidates(), found.statements or {}, found.transport_peers or {})
        groups_of(path, index.classes, evidence, capture.interfaces, index.tally, clues)
        lap("causes", at)
    return index.packets, spent


def main() -> None:
    for path in sys.argv[1:]:
        measure(path)
        packets, spent = measure(path)
        total = sum(spent.values())
        print(f"{path}: {packets:,} packets, {packets / total:,.0f} a second")
        for part, seconds in spent.items():
            print(f"  {part:8} {seconds:7.3f} s  {seconds / total:6.1%}  {seconds / packets * 1e9:8.0f} ns a packet")


if __name__ == "__main__":
    main()

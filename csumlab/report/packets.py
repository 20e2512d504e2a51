"""One row per checksum per packet: what ``--packets`` shows and ``frame(packets=True)`` holds. Reads the capture again, a packet at a
time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from csumlab.capture import open_capture
from csumlab.dissection import dissect_packet
from csumlab.headers import KINDS, REASONS, Verdict
from csumlab.index import Index
from csumlab.tables import NO_TABLES, Tables

COLUMNS: Final = ("file", "packet", "kind", "header", "offset", "verdict", "field", "residue", "seed", "reason")


class PacketRow(NamedTuple):
    """``header`` is the place in the header stack, ``offset`` the field's in the packet; ``field``, ``residue`` (r) and ``seed`` (g) are
    numbers of 16 bits (SCTP: 32) or None; ``reason`` says why r is not known."""

    file: str
    packet: int
    kind: str
    header: int
    offset: int
    verdict: str
    field: int | None
    residue: int | None
    seed: int | None
    reason: str


def packet_rows(path: str, *, all_verdicts: bool = True, tables: Tables = NO_TABLES) -> Iterator[PacketRow]:
    """Rows in the order of the packets; without ``all_verdicts`` only of packets in which something is not good. CaptureError at open."""
    index = Index(tables)
    flawed: list[bool] = []
    with open_capture(path) as capture:
        for block in capture:
            member = index.add(block)
            for one in index.classes[len(flawed) :]:
                flawed.append(any(entry.verdict is not Verdict.GOOD for entry in one.facts.sums))
            for row, number in enumerate(member.class_of.tolist()):
                if not all_verdicts and number >= 0 and not flawed[number]:
                    continue
                start = int(block.offset[row])
                dissection = dissect_packet(
                    block.data[start : start + int(block.captured[row])].tobytes(),
                    block.interfaces[int(block.interface[row])].linktype,
                    int(block.original[row]),
                    tables,
                )
                for one_sum in dissection.sums:
                    if not all_verdicts and one_sum.verdict is Verdict.GOOD:
                        continue
                    yield PacketRow(
                        capture.path,
                        block.first + row,
                        KINDS[one_sum.kind].label,
                        one_sum.header,
                        one_sum.at,
                        one_sum.verdict.name.lower(),
                        one_sum.field,
                        one_sum.residue,
                        one_sum.seed,
                        REASONS[one_sum.why_residue] if one_sum.why_residue else "",
                    )


def packet_line(row: PacketRow) -> str:
    """A row for a person."""
    digits = next((2 * rule.width for rule in KINDS.values() if rule.label == row.kind), 4)
    field = f"0x{row.field:0{digits}x}" if row.field is not None else "not captured"
    parts = [f"field {field}"]
    if row.residue:
        parts.append(f"off by 0x{row.residue:0{digits}x}")
    if row.reason:
        parts.append(row.reason)
    return f"{row.packet:>8}  {row.kind:<7} {row.verdict:<10} {', '.join(parts)}"

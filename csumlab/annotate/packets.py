"""A checked capture with what was found written beside its packets. No byte of a packet changes, nor its time, interface or options.

A pcapng input keeps all of its blocks; any other becomes pcapng. The capture is read a second time, a packet at a time.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from csumlab.annotate.blocks import blocks, with_options
from csumlab.annotate.notes import comment, json_option, sum_note
from csumlab.capture import Capture, PcapngWriter, open_capture
from csumlab.capture.block import HAS_FLAGS, Block
from csumlab.capture.source import Raw, unpacked
from csumlab.capture.walk import FLAGS_OPTION
from csumlab.capture.writer import encode_options, interface_block, packet_block
from csumlab.causes import Cause, Standing
from csumlab.checking import FileResult
from csumlab.dissection import Checksum, Dissection, dissect_packet
from csumlab.headers import KINDS, Verdict
from csumlab.index import Index
from csumlab.reassembled import cause_of_datagram
from csumlab.shown import counted

FORMAT = 1
Options = list[tuple[int, bytes]]


@dataclass(slots=True)
class Marked:
    """What was written: ``packets`` in all, ``flagged`` of them with a comment on what is, or may be, wrong, ``explained`` with one on
    what only looks wrong; ``without_room`` were flagged or explained in blocks that have no options (Simple Packet Blocks)."""

    path: str
    packets: int = 0
    flagged: int = 0
    explained: int = 0
    without_room: int = 0

    def __str__(self) -> str:
        text = f"{self.path}: {counted(self.packets, 'packet')}, {self.flagged:,} flagged, {self.explained:,} explained as harmless"
        return text + (f"; {self.without_room:,} comments have no place in Simple Packet Blocks" if self.without_room else "")


@dataclass(frozen=True, slots=True)
class _Note:
    options: Options
    flagged: bool
    explained: bool


def write_marked(result: FileResult, path: str | os.PathLike[str], *, progress: Callable[[Capture], None] | None = None) -> Marked:
    """Write a capture with what :func:`csumlab.check` found; ``result`` must have ``labels``. Raises CaptureError, and ValueError for a
    capture that came from a stream or was checked without labels."""
    if result.file in ("-", "standard input"):
        raise ValueError("the capture is read twice: save standard input to a file first")
    if result.labels is None:
        raise ValueError("check the capture with labels=True")
    if os.path.exists(path) and os.path.exists(result.file) and os.path.samefile(path, result.file):
        raise ValueError(f"{os.fspath(path)} is the capture itself: choose another name")
    if result.fault is not None and not result.packets:
        raise result.fault
    done = Marked(os.fspath(path))
    with open_capture(result.file) as capture:
        write = _kept if capture.format == "pcapng" else _converted
        write(result, capture, path, done, progress)
    return done


def _kept(
    result: FileResult, capture: Capture, path: str | os.PathLike[str], done: Marked, progress: Callable[[Capture], None] | None
) -> None:
    """All blocks of a pcapng stream, as far as its packets were read."""
    raw = Raw(result.file)
    try:
        with PcapngWriter(path, bare=True) as file:
            notes = (note for _, _, note in _notes(result, capture, progress))
            for piece in blocks(unpacked(raw)):
                if not piece.is_packet:
                    file.put(piece.data)
                    continue
                note = next(notes, None)
                if note is None:
                    break
                _count(done, note)
                if note.options and piece.has_options:
                    file.put(with_options(piece, [_ordered(option, piece.big) for option in note.options]))
                else:
                    done.without_room += note.flagged or note.explained
                    file.put(piece.data)
    finally:
        raw.close()


def _ordered(option: tuple[int, bytes], big: bool) -> tuple[int, bytes]:
    """The option in the byte order of its section: only the enterprise number in front of a custom one has any."""
    code, value = option
    return (code, value[3::-1] + value[4:]) if big and code != comment("")[0] else option


def _converted(
    result: FileResult, capture: Capture, path: str | os.PathLike[str], done: Marked, progress: Callable[[Capture], None] | None
) -> None:
    with PcapngWriter(path) as file:
        described = 0
        for block, row, note in _notes(result, capture, progress):
            for interface in block.interfaces[described:]:
                file.put(interface_block(interface.linktype, interface.snaplen))
            described = len(block.interfaces)
            _count(done, note)
            start = int(block.offset[row])
            data = block.data[start : start + int(block.captured[row])].tobytes()
            flags = int(block.flags[row])
            recorded = [(FLAGS_OPTION, struct.pack("<I", flags & 0xFFFFFFFF))] if flags & HAS_FLAGS else []
            options = encode_options([*recorded, *note.options])
            file.put(packet_block(int(block.interface[row]), max(int(block.timestamp[row]), 0), data, int(block.original[row]), options))


def _count(done: Marked, note: _Note) -> None:
    done.packets += 1
    done.flagged += note.flagged
    done.explained += note.explained


def _notes(result: FileResult, capture: Capture, progress: Callable[[Capture], None] | None) -> Iterator[tuple[Block, int, _Note]]:
    """What is written beside each packet, in their order."""
    labels, index = result.labels, Index(result.tables)
    assert labels is not None
    datagrams = {number: one for one in result.found.datagrams for number in one.packets if cause_of_datagram(one)}
    quiet: list[bool] = []
    for block in capture:
        member = index.add(block)
        quiet += (_is_quiet(one.facts.sums) for one in index.classes[len(quiet) :])
        senders = labels.evidence.senders_of(member)
        for row in range(len(block)):
            number = block.first + row
            if number > result.packets:
                return
            of_class = int(member.class_of[row])
            if of_class < 0 or (quiet[of_class] and number not in datagrams):
                yield block, row, _Note([], False, False)
                continue
            dissection = _dissected(block, row, result)
            causes = [labels.cause(number, of_class, int(senders[row]), place) for place in range(len(dissection.sums))]
            whole = cause_of_datagram(datagrams[number]) if number in datagrams else None
            yield block, row, _note(number, dissection, causes, whole)
        if progress is not None:
            progress(capture)


def _is_quiet(sums: Any) -> bool:
    """Whether nothing is said of the packets of a class: all their sums are good."""
    return all(one.verdict is Verdict.GOOD for one in sums)


def _dissected(block: Block, row: int, result: FileResult) -> Dissection:
    start = int(block.offset[row])
    data = block.data[start : start + int(block.captured[row])].tobytes()
    linktype = block.interfaces[int(block.interface[row])].linktype
    return dissect_packet(data, linktype, int(block.original[row]), result.tables, flags=int(block.flags[row]))


def _note(number: int, dissection: Dissection, causes: list[tuple[Cause, str] | None], whole: Cause | None) -> _Note:
    comments: list[str] = []
    flagged = explained = False
    sums: list[dict[str, Any]] = []
    for total, found in zip(dissection.sums, causes, strict=True):
        cause, detail = found or (None, "")
        sums.append(sum_note(total) | {"cause": cause.name if cause else None, "standing": _standing(cause), "detail": detail})
        if cause is None or cause.standing is Standing.UNVERIFIED or total.verdict is Verdict.ABSENT:
            continue
        comments.append(_comment(total, cause, detail))
        flagged |= cause.standing is not Standing.HARMLESS
        explained |= cause.standing is Standing.HARMLESS
    if whole is not None:
        comments.append(_sentence("over all fragments", whole, ""))
        flagged |= whole.standing is not Standing.HARMLESS
    note = {"format": FORMAT, "packet": number, "sums": sums, "datagram": whole.name if whole else None}
    return _Note([*(comment(text) for text in comments), json_option(note)], flagged, explained and not flagged)


def _standing(cause: Cause | None) -> str | None:
    return cause.standing.name.lower() if cause else None


def _comment(total: Checksum, cause: Cause, detail: str) -> str:
    return _sentence(f"{KINDS[total.kind].label} {total.verdict.name.lower()}", cause, detail)


def _sentence(what: str, cause: Cause, detail: str) -> str:
    """``CSL check`` begins what is, or may be, wrong; ``csumlab`` what only looks so."""
    head = "csumlab" if cause.standing is Standing.HARMLESS else "CSL check"
    text = f"{head}: {what}, {cause.standing.value}: {cause.sentence}"
    text += f" ({detail})" if detail else ""
    return text + (f". {cause.advice[0].upper()}{cause.advice[1:]}" if cause.advice else "")

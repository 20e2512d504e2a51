"""What is written beside a packet: comments for people, and the same as JSON in a custom option for programs.

The option is the one of ``csumlab capture`` (docs/capture.md): code 2989, enterprise number 32473, then ``csumlab`` and a byte that says
what follows, here ``J``: UTF-8 JSON, described by ``csumlab schema packet-note``.
Source: IETF draft-ietf-opsawg-pcapng, sections 3.5 and 3.5.1.
"""

from __future__ import annotations

import json
import struct
from typing import Any, Final

from csumlab.capture.writer import COMMENT_OPTION, CUSTOM_OPTION, LONGEST_OPTION, text_value
from csumlab.collect import Finding
from csumlab.dissection import Checksum
from csumlab.findings import Severity
from csumlab.headers import KINDS

ENTERPRISE: Final = 32473
MARK: Final = b"csumlabJ"


def json_option(note: dict[str, Any], *, big: bool = False) -> tuple[int, bytes]:
    """A note as the custom option. One that is longer than an option can be keeps only its first entries, and says so."""
    head = struct.pack(">I" if big else "<I", ENTERPRISE) + MARK
    text = json.dumps(note, separators=(",", ":")).encode()
    if len(head) + len(text) > LONGEST_OPTION:
        short = {key: value for key, value in note.items() if not isinstance(value, list)} | {"left_out": True}
        text = json.dumps(short, separators=(",", ":")).encode()
    return CUSTOM_OPTION, head + text


def comment(text: str) -> tuple[int, bytes]:
    """A comment option. Line ends and control characters of a packet's own text never come in: all texts are the program's."""
    return COMMENT_OPTION, text_value(text)


def finding_comment(finding: Finding, here: bool) -> str:
    """Code, sentence and cure command. ``here``: the packet is shown at the port of the cause."""
    where = "" if here else f"at {finding.hop or 'the capture point'}: "
    total = f" ({finding.sum})" if finding.sum else ""
    text = f"{finding.code} {finding.entry.title}{total}: {where}{finding.because}; then: {finding.consequence}"
    text += f" [{finding.condition}]" if finding.condition else ""
    if finding.cure is not None:
        text += f". Cure, in {finding.cure.domain}: {finding.cure.command} (undo: {finding.cure.undo})"
    elif finding.code in ("CSL001", "CSL901"):
        text += f". {finding.entry.cure}"
    return text


def finding_note(finding: Finding) -> dict[str, Any]:
    """A finding as data."""
    cure = finding.cure
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "title": finding.entry.title,
        "hop": finding.hop,
        "sum": finding.sum,
        "because": finding.because,
        "consequence": finding.consequence,
        "condition": finding.condition,
        "cure": None if cure is None else {"domain": cure.domain, "command": cure.command, "undo": cure.undo},
    }


def sum_note(one: Checksum, offset: int = 0) -> dict[str, Any]:
    """A checksum as data; ``offset`` is what stands before the bytes that ``one`` counts from."""
    return {
        "sum": KINDS[one.kind].label,
        "offset": one.at + offset,
        "verdict": one.verdict.name.lower(),
        "field": one.field,
        "residue": one.residue,
    }


def is_flagged(finding: Finding) -> bool:
    """Whether packets get a comment for it."""
    return finding.severity is Severity.FINDING

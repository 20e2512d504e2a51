"""docs/causes.md: which headers are known, what is said of a sum that is not good, the suspects: from the tables."""

from __future__ import annotations

from csumlab import causes
from csumlab.causes import Cause
from csumlab.forensics import CONVINCING, RULES, chance_of
from csumlab.forensics.segments import SEGMENT_LENGTH
from csumlab.forensics.table import MISAIMED, SAME_ERROR, STUCK
from csumlab.headers import KINDS, UDP_TUNNELS, Link, Verdict
from csumlab.linktypes import name_of

_VERDICTS = {
    Verdict.GOOD: "right as it is",
    Verdict.PARTIAL: "the sum of the pseudo-header only: left for a device to fill (CHECKSUM_PARTIAL)",
    Verdict.BLANK: "0x0000 where that is neither right nor says that there is none: left for a device that computes all of it",
    Verdict.DEFERRED: "wrong now, right once the partial sum inside it is filled (local checksum offload)",
    Verdict.ABSENT: "0x0000 where that says that there is no checksum",
    Verdict.BAD: "none of these: the field does not match the bytes",
    Verdict.UNVERIFIED: "not all covered bytes are known; the reason is given",
}


def causes_markdown() -> str:
    """The whole page."""
    lines = [
        "# What check knows",
        "",
        "Generated from the tables by `make docs`; do not edit.",
        "",
        "## Checksums",
        "",
        "| checksum | field at | bytes | pseudo-header | zero says none | source |",
        "|---|---|---|---|---|---|",
    ]
    for rule in KINDS.values():
        width = "4, CRC32c" if rule.crc else str(rule.width)
        lines.append(f"| {rule.label} | {rule.field} | {width} | {_yes(rule.pseudo)} | {_yes(rule.zero_is_absent)} | {rule.source} |")
    lines += ["", "## Verdicts", ""]
    lines += [f"- **{verdict.name.lower()}**: {text}" for verdict, text in _VERDICTS.items()]
    lines += ["", "## Tunnels over UDP, by port", "", "| port | tunnel |", "|---|---|"]
    lines += [f"| {port} | {layer.name} |" for port, layer in sorted(UDP_TUNNELS.items())]
    lines += ["", "`csumlab check --udp PORT=TUNNEL` adds others, `fou` among them, which has no port of its own.", ""]
    lines += ["## Link types that are read", ""]
    lines += [", ".join(f"{number} {name_of(number)}" for number in sorted(_link_numbers())) + ".", ""]
    lines += [
        "## Causes",
        "",
        "Stable names, as `--json` has them. *Standing* is what a cause means for the packet.",
        "",
        "| cause | standing | says |",
        "|---|---|---|",
    ]
    lines += [f"| `{cause.name}` | {cause.standing.value} | {cause.sentence} |" for cause in _causes()]
    most = 63
    lines += [
        "",
        "## Suspects",
        "",
        f"What a wrong sum is held against. At most {most} residues are tried without known rewrites, so that random damage looks "
        f"like one of them with {chance_of(most):.1e}; a suspect is *named* below {CONVINCING:g}, or where one residue repeats in three "
        "or more different packets of a sender; else the packet is only *consistent with* it. Known rewrites come from `--topology` "
        "or from flows seen on both sides, never from all addresses of a capture.",
        "",
        "| suspect | says |",
        "|---|---|",
    ]
    suspects = [rule.suspect for rule in RULES] + [SEGMENT_LENGTH, STUCK, SAME_ERROR, MISAIMED]
    lines += [f"| `{suspect.name}` | {suspect.sentence} |" for suspect in suspects]
    return "\n".join(lines) + "\n"


def _yes(value: bool) -> str:
    return "yes" if value else ""


def _link_numbers() -> list[int]:
    return [int(link) for link in Link]


def _causes() -> list[Cause]:
    """All rows of the table of causes, in the order in which they stand there."""
    found = [value for value in vars(causes).values() if isinstance(value, Cause)]
    return [*found, *causes.UNVERIFIED.values()]

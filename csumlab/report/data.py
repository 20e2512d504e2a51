"""Results as plain data: the dictionary behind ``--json`` and the rows behind ``--csv``. Names in here are stable."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from csumlab.headers import KINDS, Kind, Verdict
from csumlab.report.table import cell

if TYPE_CHECKING:
    from csumlab.checking import CheckResult, FileResult
    from csumlab.copies import PathSummary
    from csumlab.fragments import Datagram
    from csumlab.groups import Group

FORMAT: Final = 1
COLUMNS: Final = ("file", "kind", "inner", "verdict", "standing", "cause", "detail", "checksums", "packets", "first_packets", "sentence")


def kind_name(kind: Kind) -> str:
    """The label of a kind of checksum; empty for packets whose headers could not be read."""
    return KINDS[kind].label if kind else ""


def to_dict(result: CheckResult) -> dict[str, Any]:
    """The whole result, in types that JSON has."""
    return {
        "format": FORMAT,
        "status": result.status,
        "headline": result.headline,
        "packets": result.packets,
        "files": [_file(one) for one in result.results],
    }


def summary_rows(result: CheckResult) -> Iterator[dict[str, Any]]:
    """One row per file, kind, verdict and cause; good sums have neither standing nor cause, and their packets are not counted apart."""
    for one in result.results:
        for (kind, verdict), count in one.tally.items():
            # Good sums with a note have a row of their own.
            count -= sum(group.count for group in one.groups if (group.kind, group.verdict) == (kind, verdict))
            if verdict is Verdict.GOOD and count:
                yield _row(one.file, kind, verdict, count)
        for group in one.groups:
            row = _row(group.file, group.kind, group.verdict, group.count)
            row |= {"inner": group.inner, "standing": group.standing.value, "cause": group.cause.name, "detail": group.detail}
            row |= {"packets": group.packets, "first_packets": " ".join(map(str, group.numbers)), "sentence": group.cause.sentence}
            yield row


def csv_line(values: list[object]) -> str:
    """One line of CSV, with its end."""
    return ",".join(cell(value) for value in values) + "\n"


def summary_csv(result: CheckResult) -> Iterator[str]:
    """Lines of CSV: a header, then :func:`summary_rows`."""
    yield csv_line(list(COLUMNS))
    for row in summary_rows(result):
        yield csv_line([row[name] for name in COLUMNS])


def _row(file: str, kind: Kind, verdict: Verdict, count: int) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    return row | {"file": file, "kind": kind_name(kind), "inner": None, "verdict": verdict.name.lower(), "checksums": count}


def _file(one: FileResult) -> dict[str, Any]:
    tally: dict[str, dict[str, int]] = {}
    for (kind, verdict), count in one.tally.items():
        tally.setdefault(kind_name(kind), {})[verdict.name.lower()] = count
    fault = one.fault
    return {
        "file": one.file,
        "headline": one.headline,
        "packets": one.packets,
        "octets": one.octets,
        "packets_without_checksum": one.without,
        "packets_past_class_limit": one.overflow,
        "senders_capped": one.capped,
        "complete": fault is None,
        "fault": None if fault is None else {"message": str(fault), "offset": fault.offset, "field": fault.field, "problem": fault.problem},
        "checksums": tally,
        "groups": [_group(group) for group in one.groups],
        "growing": one.growing,
        "further_sightings": one.found.further,
        "datagrams": [_datagram(datagram) for datagram in one.found.datagrams],
        "further_datagrams": [
            {
                "kind": kind_name(alike.kind),
                "verdict": alike.verdict.name.lower(),
                "outcome": alike.outcome.name.lower(),
                "datagrams": amount.datagrams,
            }
            for alike, amount in one.found.further_datagrams.items()
        ],
        "paths": [_path(path) for path in one.found.paths],
        "rewrites": [
            {
                "old": str(rewrite.old),
                "new": str(rewrite.new),
                "packets": rewrite.packets,
                "examples": [list(pair) for pair in rewrite.examples],
            }
            for rewrite in one.found.rewrites
        ],
        "left_out": list(one.found.capped),
    }


def _group(group: Group) -> dict[str, Any]:
    return {
        "kind": kind_name(group.kind),
        "inner": group.inner,
        "verdict": group.verdict.name.lower(),
        "standing": group.standing.name.lower(),
        "cause": group.cause.name,
        "sentence": group.cause.sentence,
        "detail": group.detail,
        "advice": group.cause.advice,
        "checksums": group.count,
        "packets": group.packets,
        "first_packets": list(group.numbers),
        "senders": list(group.senders),
        "sender_count": group.sender_count,
        "evidence": list(group.evidence),
        "examined": group.examined,
        "residues_tried": group.tries,
        "chance": group.chance,
    }


def _datagram(one: Datagram) -> dict[str, Any]:
    return {
        "kind": kind_name(one.kind),
        "verdict": one.verdict.name.lower(),
        "outcome": one.outcome.name.lower(),
        "reason": one.reason,
        "residue": one.residue,
        "packets": list(one.packets),
        "pieces": one.pieces,
        "copies": one.copies,
        "out_of_order": one.out_of_order,
        "source": one.source,
        "destination": one.destination,
        "identification": one.identification,
        "length": one.length,
    }


def _path(path: PathSummary) -> dict[str, Any]:
    words = ("none", "good", "partial", "bad", "other")
    return {
        "packets": path.packets,
        "examples": [list(example) for example in path.examples],
        "hops": [
            {
                "place": str(hop.place),
                "routed": hop.routed,
                "rewritten": hop.rewritten,
                "checksums": {word: count for word, count in zip(words, hop.codes, strict=True) if count},
            }
            for hop in path.hops
        ],
    }

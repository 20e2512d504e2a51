"""Assertions for test suites of set-ups: over the result of :func:`csumlab.replay`, with messages that show the hop.

import csumlab
from csumlab.asserting import assert_delivered, assert_never_laundered, assert_no_findings

def test_our_gateway() -> None:
    result = csumlab.replay("gateway/traffic.pcapng", "gateway/topology.toml", at="host:eth0")
    assert_no_findings(result)
    assert_delivered(result)

What was not walked proves nothing: without ``allow_unwalked`` every assertion fails where packets could not be walked, and all fail where
none was, or where the capture could not be read to its end.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

from csumlab.collect import Finding
from csumlab.findings import Severity
from csumlab.judge import told_elsewhere
from csumlab.outcome import Leaf
from csumlab.replaying import ReplayResult
from csumlab.shown import counted
from csumlab.sources import in_one_sentence
from csumlab.trace import Fate, Trace

_LAUNDERED = "CSL4"


def assert_no_findings(result: ReplayResult, *, ignore: Iterable[str] = (), allow_unwalked: bool = False) -> None:
    """No finding but those whose codes are in ``ignore``; notes do not count. AssertionError with each finding, its hop and its cure; also
    if packets could not be walked, unless ``allow_unwalked``; CSL901, which is about such packets, then does not count either."""
    left = {*ignore, *(("CSL901",) if allow_unwalked else ())}
    found = [finding for finding in result.findings if finding.severity is Severity.FINDING and finding.code not in left]
    if found:
        raise AssertionError(_said(result, found, counted(len(found), "finding")))
    _walked(result, allow_unwalked or "CSL901" in left, "so nothing is known to be right")


def assert_never_laundered(result: ReplayResult, *, allow_unwalked: bool = False) -> None:
    """No hop hides damage: no finding CSL4xx, with a condition or without. AssertionError with the hop that does; also if packets could not
    be walked, or it cannot be told what becomes of them, unless ``allow_unwalked``."""
    found = [finding for finding in result.findings if finding.code.startswith(_LAUNDERED)]
    if found:
        raise AssertionError(_said(result, found, "damage is hidden"))
    _walked(result, allow_unwalked, "so damage may be hidden unseen")
    untold = [_ended(trace, leaf) for leaf in result.classes for trace in _ways(leaf) if trace.fate is Fate.UNTOLD]
    if untold and not allow_unwalked:
        raise AssertionError("\n".join([f"{result.file}: damage may be hidden where the way cannot be told", *untold]))


def assert_delivered(result: ReplayResult, *, allow_unwalked: bool = False) -> None:
    """Every packet is accepted at its end, in every reading; a later fragment is delivered with its datagram, and a copy (SPAN) is for
    looking at. AssertionError with the last hop of those that are not; also if packets could not be walked, unless ``allow_unwalked``."""
    lost = [_ended(trace, leaf) for leaf in result.classes for trace in _ways(leaf) if not _arrives(trace)]
    if lost:
        raise AssertionError("\n".join([f"{result.file}: not everything is delivered", *lost]))
    _walked(result, allow_unwalked, "so nothing is known to be delivered")


def _ways(leaf: Leaf) -> Iterator[Trace]:
    for reading in leaf.outcome.readings:
        yield reading.trace


def _arrives(trace: Trace) -> bool:
    if trace.fate is Fate.WAITING:
        return trace.end is not None and told_elsewhere(trace.end.after)
    return trace.fate in (Fate.ACCEPTED, Fate.COPIED)


def _ended(trace: Trace, leaf: Leaf) -> str:
    where = str(trace.end) if trace.end is not None else "at its origin"
    return f"  {_packets(leaf)} {trace.fate.value}: {trace.why or 'no reason known'}\n    {where}"


def _packets(leaf: Leaf) -> str:
    return f"{counted(leaf.count, 'packet')} ({', '.join(map(str, leaf.first))}{', ...' if leaf.count > len(leaf.first) else ''})"


def _walked(result: ReplayResult, allowed: bool, so: str) -> None:
    """AssertionError if the capture has a fault, or no packet was walked, or, unless it is allowed, some were not."""
    if result.fault is not None:
        raise AssertionError(f"{result.file}: only {counted(result.packets, 'packet')} could be read, {so}: {result.fault}")
    unwalked = [leaf for leaf in result.classes if leaf.outcome.facts.addresses and not leaf.outcome.readings]
    reasons = [f"  {_packets(leaf)}: {_reason(leaf)}" for leaf in unwalked]
    if result.beyond:
        reasons.append(f"  {counted(result.beyond, 'packet')}: after more kinds of packets than are told apart")
    if not any(leaf.outcome.readings for leaf in result.classes):
        raise AssertionError("\n".join([f"{result.file}: no packet could be walked, {so}", *reasons]))
    if reasons and not allowed:
        raise AssertionError(
            "\n".join([f"{result.file}: not every packet could be walked, {so} (allow_unwalked=True allows it)", *reasons])
        )


def _reason(leaf: Leaf) -> str:
    return leaf.outcome.untold or in_one_sentence(leaf.outcome.misfits) or "nobody in the topology has its source address"


def _said(result: ReplayResult, findings: Iterable[Finding], what: str) -> str:
    lines = [f"{result.file}: {what}"]
    for finding in findings:
        lines += [f"  {line}" for line in str(finding).splitlines()]
        lines.append(f"    {': '.join(finding.remedy)}")
        if finding.first:
            lines.append(f"    see: {_command(result, finding.first[0])}")
    return "\n".join(lines)


def _command(result: ReplayResult, number: int) -> str:
    """What shows a packet hop by hop: a command line, or a topology that is in no file has Python."""
    settings = result.settings
    if not settings.topology.file:
        return f"result.explain({number})"
    words = ["csumlab", "explain", result.file, str(number), "--topology", settings.topology.file, "--at", str(settings.tap)]
    return shlex.join([*words, *(["--assume", settings.assume] if settings.assume else [])])

"""Assertions for test suites of set-ups: over the result of :func:`csumlab.replay`, with messages that show the hop.

import csumlab
from csumlab.asserting import assert_delivered, assert_never_laundered, assert_no_findings

def test_our_gateway() -> None:
    result = csumlab.replay("gateway/traffic.pcapng", "gateway/topology.toml", at="host:eth0")
    assert_no_findings(result)
    assert_delivered(result)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from csumlab.collect import Finding
from csumlab.findings import Severity
from csumlab.replaying import ReplayResult
from csumlab.shown import counted
from csumlab.trace import Fate, Trace

_LAUNDERED = "CSL4"


def assert_no_findings(result: ReplayResult, *, ignore: Iterable[str] = ()) -> None:
    """No finding but those whose codes are in ``ignore``; notes do not count. AssertionError with each finding, its hop and its cure."""
    left = set(ignore)
    found = [finding for finding in result.findings if finding.severity is Severity.FINDING and finding.code not in left]
    if found:
        raise AssertionError(_said(result, found, f"{len(found)} finding{'s' if len(found) > 1 else ''}"))


def assert_never_laundered(result: ReplayResult) -> None:
    """No hop hides damage: no finding CSL4xx, with a condition or without. AssertionError with the hop that does."""
    found = [finding for finding in result.findings if finding.code.startswith(_LAUNDERED)]
    if found:
        raise AssertionError(_said(result, found, "damage is hidden"))


def assert_delivered(result: ReplayResult) -> None:
    """Every packet whose way could be walked is accepted at its end, in every reading. AssertionError with the last hop of those that are
    not; also if no packet could be walked at all."""
    lost: list[str] = []
    walked = 0
    for trace, count, first in _ways(result):
        walked += 1
        if trace.fate is not Fate.ACCEPTED:
            where = str(trace.end) if trace.end is not None else "at its origin"
            packets = ", ".join(map(str, first))
            more = ", ..." if count > len(first) else ""
            lost.append(f"  {counted(count, 'packet')} ({packets}{more}) {trace.fate.value}: {trace.why or 'no reason known'}\n    {where}")
    if not walked:
        raise AssertionError(f"{result.file}: no packet could be walked, so nothing is known to be delivered")
    if lost:
        raise AssertionError("\n".join([f"{result.file}: not everything is delivered", *lost]))


def _ways(result: ReplayResult) -> Iterator[tuple[Trace, int, list[int]]]:
    for leaf in result.classes:
        for reading in leaf.outcome.readings:
            yield reading.trace, leaf.count, leaf.first


def _said(result: ReplayResult, findings: Iterable[Finding], what: str) -> str:
    lines = [f"{result.file}: {what}"]
    for finding in findings:
        lines += [f"  {line}" for line in str(finding).splitlines()]
        number = next(iter(finding.first), None)
        if number is not None:
            lines.append(f"    see: csumlab explain {result.file} {number} --topology FILE")
    return "\n".join(lines)

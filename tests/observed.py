"""What a walk shows to somebody who can only look: the bytes and the carried state at every capture point, and how the packet ended."""

from __future__ import annotations

from walks import Case, run_plain

from csumlab.headers import KINDS
from csumlab.plain.packet import FramePacket
from csumlab.trace import TAP, Trace


def shown(trace: Trace) -> list[str]:
    """A line per capture point, and one for the end."""
    lines = []
    for hop in trace.hops:
        if hop.stage is not TAP and hop.stage.name != "tap":
            continue
        assert isinstance(hop.after, FramePacket)
        sums = ", ".join(
            f"{KINDS[one.kind].label} {one.field:04x} {one.verdict.name.lower()}"
            for one in hop.after.sums.values()
            if one.field is not None
        )
        lines.append(f"  {hop.where:<16} {len(hop.after.data):>4} bytes  {sums:<60} {hop.state_after}".rstrip())
    end = trace.hops[-1].domain if trace.hops else trace.origin
    return [*lines, f"  {trace.fate.value} at {end}: {trace.why}"]


def report(case: Case) -> str:
    """Everything that is shown of a case."""
    lines = [case.name]
    for trace in run_plain(case):
        chosen = ", ".join((trace.chosen or {}).values())
        lines += [f" [{chosen}]"] if chosen else []
        lines += shown(trace)
    return "\n".join(lines)

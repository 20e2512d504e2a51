"""What would become of damage: bits that go wrong on a link, in a program or in a host's memory, and who would notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from csumlab.forms import ZERO
from csumlab.interpreting import Packet
from csumlab.judge import Judgement, is_sender, made_absent, trusted_since
from csumlab.settling import consumes, present, settled, sums_of, taken
from csumlab.state import State
from csumlab.trace import Fate, Fault, Hop, Trace


def expose(trace: Trace, rewalk: Callable[[int], Trace | None], memory: bool) -> Iterator[Judgement]:
    """What would happen to damage: one hypothesis for each edge of class link or program (with ``memory`` also inside one host).

    ``rewalk`` walks the same way with damage put in before the given hop, None if that cannot be told. A sum guards the damage if the
    damage shows in its r* where it enters."""
    for number, hop in enumerate(trace.hops):
        if hop.fault is Fault.MEMORY and (not memory or is_sender(hop)):
            continue
        note = hop.fault is Fault.MEMORY
        damaged = rewalk(number)
        if damaged is None or damaged.fate is not Fate.ACCEPTED or len(damaged.hops) <= number:
            continue
        entered = damaged.hops[number]
        guards = _showing(entered.before, entered.state_before)
        end = damaged.hops[-1]
        where = f"damage on {hop.fault.value} at {hop.where} reaches {end.domain}"
        if not guards:
            carried = [own for uid, own in sums_of(entered.before).items() if consumes(entered.before, uid)]
            gone = made_absent(trace, number)
            absent = all(own.absent for own in carried) and gone is None
            yield Judgement("CSL312", gone[0] if gone else number, None, f"{where}: {end.because}", number, note or absent)
            continue
        shown = _showing(end.after, end.state_after)
        there = [uid for uid in shown if uid in taken(end.after)]
        if there:
            cause = damaged.hops[trusted_since(damaged, there[0])]
            yield Judgement("CSL311", _same_place(trace, cause), there[0], f"{where}: {end.because}", number, note, cause)
        elif not shown:
            cause = damaged.hops[_cleaned(damaged, number, guards[0])]
            place = _same_place(trace, cause)
            if present(end.after, guards[0]) and settled(end.after, end.state_after, guards[0]) != ZERO:
                # Somebody calls a finished sum owed, and nobody looks or writes it anew.
                yield Judgement("CSL311", place, guards[0], f"{where}: {end.because}", number, note, cause)
            else:
                yield Judgement("CSL411", place, guards[0], f"{where} with a right sum", number, note, cause)


def _same_place(trace: Trace, hop: Hop) -> int:
    """The hop of ``trace`` that is where the damaged packet's ``hop`` is, at best at the same stage; the last one if there is none."""
    places = [number for number, own in enumerate(trace.hops) if own.where == hop.where]
    return next((number for number in places if trace.hops[number].stage is hop.stage), places[-1] if places else len(trace.hops) - 1)


def _showing(packet: Packet, state: State) -> list[int]:
    """The uids of the sums that show the hypothetical damage; one that says "none" shows nothing."""
    return [uid for uid, own in sums_of(packet).items() if not own.absent and settled(packet, state, uid).damaged]


def _cleaned(trace: Trace, start: int, uid: int) -> int:
    """The hop from ``start`` on behind which a sum shows the damage no more; what is encrypted for a while shows it again behind that."""
    last = len(trace.hops) - 1
    for number in range(last, start, -1):
        hop = trace.hops[number - 1]
        if present(hop.after, uid) and settled(hop.after, hop.state_after, uid).damaged:
            return number
    return start

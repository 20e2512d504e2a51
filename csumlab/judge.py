"""The one judge: reads a trace and says what is right and wrong in it. Stages describe, nobody else decides.

One notion carries everything: the *settled residue* r*, the residue once the fill that the carried state owes is applied in thought. It
is -g for the sum that is owed (and for an IPv4 header's that is owed beside it), r - s·(r + g) for one around it (-g in a super-frame,
each of whose segments gets it anew), r otherwise.
Accepting a packet, or letting it leave, is wrong where r* is not 0 for a sum that is relied on, or where the data is damaged. A sum that a
tunnel's header leaves to the far end is owed too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from csumlab.conditions import ABSENT_TRANSPORT
from csumlab.facts import FragmentRole
from csumlab.forms import ZERO, Form
from csumlab.headers import KINDS
from csumlab.machine import Packet
from csumlab.operations import ENDINGS, Operation
from csumlab.outer import inner_start
from csumlab.packet import enclosing, left_to_far_end, outer_ip, outer_transport
from csumlab.stage import Part
from csumlab.stages.nic import WIRE
from csumlab.stages.readers import WATCHER
from csumlab.stages.slots import RING_SLOTS
from csumlab.stages.tunnels import TUN_READ
from csumlab.state import Bare, Skb, State, Summed, owed, owed_header
from csumlab.symbolic.packet import SymbolicPacket
from csumlab.symbolic.sums import Sum, Untold, decide
from csumlab.trace import Fate, Fault, Hop, Trace

_WRITING = frozenset({Operation.FILL, Operation.COMPUTE, Operation.WRITE_PSEUDO, Operation.SEGMENT, Operation.MERGE})


@dataclass(frozen=True, slots=True)
class Judgement:
    """One thing found in one trace. ``hop`` is the index of the hop that is the cause, ``uid`` the sum, ``consequence`` a sentence,
    ``segment`` the index of the hop that a hypothetical damage enters at, -1 for what is in the packet itself. ``cause`` is the hop of the
    damaged packet's way: what is done to it there may be something else."""

    code: str
    hop: int
    uid: int | None
    consequence: str
    segment: int = -1
    note: bool = False
    cause: Hop | None = None


def settled(packet: Packet, state: State, uid: int) -> Form:
    """r* of the checksum of header ``uid``."""
    assert isinstance(packet, SymbolicPacket)
    own = packet.sums[uid]
    if uid in (left_to_far_end(packet.headers), owed_header(state, packet.headers)):
        return -own.seed
    due = owed(state, packet.headers)
    if due is None or due not in packet.sums:
        return own.residue
    if uid == due:
        return -own.seed
    factor = next((f for header, f in enclosing(packet.headers, due) if header.uid == uid), None)
    if factor is None:
        return own.residue
    if packet.long:
        return -own.seed  # Around an owed sum of a super-frame: it is written anew for each segment.
    inner = packet.sums[due]
    return own.residue - factor * inner.lacking


def judge(trace: Trace) -> tuple[Judgement, ...]:
    """Everything wrong on the way itself (not what would happen to damage). Raises Undecided."""
    errors = _errors(trace)
    found = list(_endings(trace, errors))
    found += _untranslated(trace, errors)
    found += _elsewhere(trace)
    found += _watched(trace, errors)
    found += _unfitting(trace, errors)
    found += _laundered(trace, errors)
    found += _overwritten(trace)
    return tuple(found)


def wrong_sums(packet: Packet, state: State) -> tuple[frozenset[int], frozenset[int]]:
    """The uids of the sums with r* other than 0, and of those where that cannot be told. Raises Undecided. Sums that are absent do not
    count.

    A partial sum that nobody owes any more is wrong although its residue was not seen: it is right in one packet of 65535.
    """
    assert isinstance(packet, SymbolicPacket)
    wrong: set[int] = set()
    untold: set[int] = set()
    due = owed(state, packet.headers)
    for uid, own in packet.sums.items():
        if own.absent:
            continue
        try:
            if not decide(settled(packet, state, uid), packet.answers):
                wrong.add(uid)
        except Untold:
            unfinished = own.unfinished and uid not in (due, left_to_far_end(packet.headers))
            (wrong if unfinished else untold).add(uid)
    return frozenset(wrong), frozenset(untold)


@dataclass(frozen=True, slots=True)
class _Errors:
    """For each wrong sum the hop that made it wrong, -1 if it was wrong from the start, and what is wrong after each hop."""

    since: dict[int, int]
    after: tuple[frozenset[int], ...]
    sealed: frozenset[int]


def _errors(trace: Trace) -> _Errors:
    since: dict[int, int] = {}
    suspect: dict[int, int] = {}
    after: list[frozenset[int]] = []
    sealed: set[int] = set()
    start = _first_final(trace)
    wrong: frozenset[int] = frozenset()
    for number, hop in enumerate(trace.hops):
        if number < start:
            after.append(frozenset())
            continue
        if number in (start, trace.tap + 1):
            # What is seen wrong here was made wrong by the hop from which on it could not be told, or was wrong from the start.
            wrong, _ = wrong_sums(hop.before, hop.state_before)
            since = {uid: since.get(uid, suspect.get(uid, _made_by(trace, uid))) for uid in wrong} | {
                uid: n for uid, n in since.items() if uid in sealed
            }
            for uid, first in since.items():
                for passed in range(max(first, start), number):
                    after[passed] |= {uid} if first >= 0 else set()
        if Operation.SEAL in hop.operations:
            # Of what is encrypted nobody owes anything any more.
            assert isinstance(hop.after, SymbolicPacket)
            inner = hop.after.sealed
            unfilled = wrong_sums(inner, Bare())[0] if isinstance(inner, SymbolicPacket) else frozenset()
            sealed |= wrong | unfilled
            since |= {uid: number for uid in unfilled if uid not in since}
        before = wrong
        wrong, untold = wrong_sums(hop.after, hop.state_after)
        wrong |= {uid for uid in untold & before if _same(hop, uid)}
        for uid in wrong:
            since.setdefault(uid, suspect.get(uid, number))
        for uid in untold - wrong:
            suspect.setdefault(uid, number)
        for uid in [uid for uid in since if uid not in wrong and _present(hop.after, uid) and uid not in sealed]:
            since.pop(uid)
        for uid in [uid for uid in suspect if uid not in untold and uid not in wrong and _present(hop.after, uid)]:
            suspect.pop(uid)
        after.append(wrong)
    return _Errors(since, tuple(after), frozenset(sealed))


def _made_by(trace: Trace, uid: int) -> int:
    """The hop that a sum is wrong from where the packet starts with it: a socket that writes no more than the pseudo-header's sum and does
    not say that the rest is owed; else none, -1."""
    first = trace.hops[0]
    wrote = _is_sender(first) and Operation.WRITE_PSEUDO in first.operations
    own = _sums(first.after).get(uid)
    return 0 if wrote and own is not None and own.unfinished else -1


def _same(hop: Hop, uid: int) -> bool:
    """Whether a sum is as far off behind a hop as it was in front of it: what was wrong there and cannot be told here is wrong."""
    return _present(hop.before, uid) and settled(hop.before, hop.state_before, uid) == settled(hop.after, hop.state_after, uid)


def _first_final(trace: Trace) -> int:
    """The hop from which on the packet counts as made: a socket's own sums are nothing before its sender's table has run."""
    return 1 if trace.hops and _is_sender(trace.hops[0]) else 0


def _is_sender(hop: Hop) -> bool:
    """Whether a socket's sums are written here: before that they guard nothing."""
    return hop.stage.part is Part.SENDER


def _present(packet: Packet, uid: int) -> bool:
    return any(header.uid == uid for header in packet.headers)


def _endings(trace: Trace, errors: _Errors) -> Iterator[Judgement]:
    end = trace.end
    last = len(trace.hops) - 1
    if end is None or trace.fate is Fate.UNTOLD:
        yield Judgement("CSL902", last, None, trace.why)
        return
    if trace.fate is Fate.WAITING:
        spoiled = _filled_fragment(trace)
        if spoiled is None and told_elsewhere(end.after):
            return
        if spoiled is None:
            yield Judgement("CSL902", last, None, trace.why)
        else:
            yield Judgement("CSL103", *spoiled, "the datagram is refused once it is whole: the sum covers one fragment only")
        return
    outcome = f"{trace.fate.value} at {end.domain}: {trace.why}"
    broken = {uid: hop for uid, hop in errors.since.items() if hop >= 0}
    unopened = set(_sums(end.after)) - taken(end.after)
    if trace.fate is Fate.DROPPED and end.stage is RING_SLOTS:
        yield Judgement("CSL504", last, None, outcome)
        return
    if trace.fate is Fate.COPIED:
        # Nobody takes a copy: what is wrong with it was left so by who let it leave.
        for uid, hop in broken.items():
            left = _left(trace, errors, uid, hop)
            if left is not None:
                yield Judgement(_leaving_code(trace.hops[hop], trace.hops[left], errors, uid), hop, uid, outcome)
        return
    # Where no row ends the way, there is none: the domain does not forward.
    stopped = not end.operations.isdisjoint(ENDINGS)
    lost = "CSL501" if stopped and end.stage.part is not Part.FORWARD else "CSL502"
    if ABSENT_TRANSPORT in end.row.given and trace.fate is not Fate.ACCEPTED and (zero := _lost(trace, last)) is not None:
        # It was refused for want of a sum, which it had: whoever wrote the zero is to blame.
        yield Judgement("CSL103", *zero, outcome)
        return
    if trace.fate is Fate.DROPPED and not end.checked:
        yield Judgement(lost, last, None, outcome)
        return
    refused = trace.fate in (Fate.REJECTED, Fate.DROPPED)
    culprit = next((uid for uid in end.checked if uid in errors.since), None)
    if refused and culprit is None and trace.fate is Fate.REJECTED and end.checked:
        # The sum is as it should be, still owed, and was checked all the same.
        unfinished = (uid for uid in end.checked if _sums(end.before)[uid].unfinished)
        yield Judgement("CSL201", last, next(unfinished, end.checked[0]), outcome)
        return
    if refused and culprit is None:
        yield Judgement(lost, last, None, outcome)
        return
    for uid, hop in broken.items():
        left = _left(trace, errors, uid, hop)
        if left is None and not refused:
            if uid in unopened:
                continue
            if _present(end.after, uid) and KINDS[_sums(end.after)[uid].kind].of_programs:
                # Nobody believes it: the program that takes the packet verifies.
                yield Judgement(_leaving_code(trace.hops[hop], end, errors, uid), hop, uid, outcome)
            else:
                yield Judgement("CSL302", hop, uid, outcome, note=True)
        elif left is None:
            if uid == culprit:
                yield Judgement("CSL201", hop, uid, outcome)
        elif not refused and _repaired(trace, errors, uid):
            continue
        else:
            yield Judgement(_leaving_code(trace.hops[hop], trace.hops[left], errors, uid), hop, uid, outcome)
    for uid, hop in errors.since.items():
        if hop < 0 and uid in errors.after[-1]:
            if refused and uid == culprit:
                yield Judgement("CSL001", last, uid, outcome)
            elif not refused and uid not in unopened:
                yield Judgement("CSL301", _trusted_since(trace, uid), uid, outcome)
        elif hop < 0 and not refused and (opened := _opened_wrong(trace, errors, uid)) is not None:
            end_of_tunnel = trace.hops[opened].domain
            yield Judgement("CSL301", _trusted_since(trace, uid, opened), uid, f"taken out of its tunnel at {end_of_tunnel}; {outcome}")


def _opened_wrong(trace: Trace, errors: _Errors, uid: int) -> int | None:
    """The hop at which a tunnel's end took off the header of a sum that was wrong there: nobody who takes what is inside looks at it."""
    for number, hop in enumerate(trace.hops):
        opens = not hop.operations.isdisjoint({Operation.POP, Operation.UNSEAL})
        if opens and uid in errors.after[number - 1] and _present(hop.before, uid) and not _present(hop.after, uid):
            return number
    return None


def taken(packet: Packet) -> frozenset[int]:
    """The uids of the headers that whoever accepts a packet takes: not those inside a tunnel that was not opened there. Of what it
    carries nothing is said; a kernel without the tunnel does not look at it (net/ipv4/ip_input.c ip_protocol_deliver_rcu)."""
    return frozenset(header.uid for header in packet.headers[: inner_start(packet.headers)])


def told_elsewhere(packet: Packet) -> bool:
    """Whether it is a later fragment of a datagram that is there: it is walked with the first one."""
    ip = outer_ip(packet.headers)
    return ip is not None and ip.fragment is FragmentRole.LATER and ip.piece > 0


def _filled_fragment(trace: Trace) -> tuple[int, int] | None:
    """The hop at which a fragment's transport sum was filled, and whose it is: a sum over one fragment is wrong whatever its seed."""
    for number, hop in enumerate(trace.hops):
        ip, transport = outer_ip(hop.before.headers), outer_transport(hop.before.headers)
        if ip is None or transport is None or ip.fragment is FragmentRole.WHOLE or number < _first_final(trace):
            continue
        if Operation.FILL in hop.operations:
            return number, transport.uid
    return None


def _left(trace: Trace, errors: _Errors, uid: int, since: int) -> int | None:
    """The first hop at which the packet left the host, by a wire or into a tunnel, with this sum wrong."""
    for number in range(since, len(trace.hops)):
        if trace.hops[number].stage in (WIRE, TUN_READ) and (uid in errors.after[number] or uid in errors.sealed):
            return number
    return None


def _repaired(trace: Trace, errors: _Errors, uid: int) -> bool:
    return uid not in errors.after[-1] and uid not in errors.sealed and _present(trace.hops[-1].after, uid)


def _leaving_code(hop: Hop, left: Hop, errors: _Errors, uid: int) -> str:
    before, after = owed(hop.state_before, hop.before.headers) == uid, owed(hop.state_after, hop.after.headers) == uid
    unfinished = _present(hop.after, uid) and _sums(hop.after)[uid].unfinished
    if Operation.TRANSLATE in hop.operations and not (before and unfinished):
        return "CSL102"
    # Who asks for a fill of what is not unfinished is the cause of what that writes.
    if hop.operations & {Operation.FILL, Operation.SPOIL} or (after and not before and not hop.operations and not unfinished):
        return "CSL103"
    return "CSL104" if left.stage is TUN_READ or uid in errors.sealed else "CSL101"


def _trusted_since(trace: Trace, uid: int, end: int | None = None) -> int:
    """The hop that first marked the packet as verified, or the one behind it that vouched for what nobody looked at: what a wrong accept of
    the sum ``uid`` at hop ``end``, the last one if it is not given, is blamed on. IP input can vouch for its own header only."""
    hops = trace.hops if end is None else trace.hops[: end + 1]
    marked = len(hops) - 1
    for number in range(len(hops) - 1, -1, -1):
        hop = hops[number]
        if not _vouches(hop.state_after):
            if number == len(hops) - 1:
                continue
            break
        marked = number
    others = any(header.uid == uid and header.consumes for header in hops[-1].before.headers)
    vouching = (n for n in range(marked, len(hops)) if hops[n].row.vouches and not (others and hops[n].stage.part is Part.INPUT))
    return next(vouching, marked)


def _vouches(state: State) -> bool:
    return bool(getattr(state, "valid", False) or getattr(state, "validated", False)) or (
        getattr(getattr(state, "summed", None), "name", "") in ("UNNECESSARY", "PARTIAL", "HW")
    )


def _untranslated(trace: Trace, errors: _Errors) -> Iterator[Judgement]:
    for number, hop in enumerate(trace.hops):
        if hop.stage.part is Part.TRANSLATION and not hop.row.does and getattr(hop.state_before, "invalid", False):
            here = hop is not trace.end and trace.hops[-1].domain == hop.domain
            ends = f"is {trace.fate.value} at" if here else "leaves"
            yield Judgement("CSL503", number, None, f"{ends} {hop.domain} with the addresses it came with")
            return


def _elsewhere(trace: Trace) -> Iterator[Judgement]:
    """What passes here and would not where the guest is moved to."""
    for number, hop in enumerate(trace.hops):
        if Operation.WOULD_DROP in hop.operations:
            yield Judgement("CSL505", number, None, f"valid on {hop.domain}, lost once the guest is moved")


def _missed(trace: Trace, errors: _Errors) -> Iterator[Judgement]:
    """A copy that a watching program leaves out of its view though the packet was right."""
    for number, hop in enumerate(trace.hops):
        if Operation.UNSEEN in hop.operations and all(since >= 0 for since in errors.since.values()):
            yield Judgement("CSL506", number, None, "a copy of a good packet is not seen there")
            return


def _watched(trace: Trace, errors: _Errors) -> Iterator[Judgement]:
    """What a watching program and the receiver think differently of."""
    if trace.fate is Fate.COPIED:
        yield from _missed(trace, errors)
    if trace.fate not in (Fate.ACCEPTED, Fate.REJECTED):
        return
    for number, hop in enumerate(trace.hops):
        seen = Operation.UNSEEN not in hop.operations
        if hop.stage is WATCHER and seen is not (trace.fate is Fate.ACCEPTED) and not (seen and hop.checked):
            yield Judgement(
                "CSL506", number, None, f"{'seen' if seen else 'not seen'} there, {trace.fate.value} at {trace.hops[-1].domain}"
            )
            return


def _unfitting(trace: Trace, errors: _Errors) -> Iterator[Judgement]:
    """A sum that came with a packet and does not fit it, where a check finds that and sums the bytes, which are right. What the kernel
    summed itself it believes, whatever is edited since (skb->csum_valid, csum_complete_sw)."""
    since, own = -1, False
    for number, hop in enumerate(trace.hops):
        told = not own and isinstance(hop.state_before, Skb) and hop.state_before.summed is Summed.COMPLETE
        found = [uid for uid in hop.checked if _consumes(hop.before, uid) and uid not in errors.after[number]]
        if told and since >= 0 and found:
            outcome = f"{trace.fate.value} at {trace.hops[-1].domain} after the kernel has summed the packet itself"
            yield Judgement("CSL002", since, found[0], outcome, note=True)
            return
        if Operation.CARRY in hop.operations:
            own = bool(hop.checked)
        assert isinstance(hop.after, SymbolicPacket)
        if not hop.after.stale:
            since = -1
        elif since < 0:
            since = number


def _laundered(trace: Trace, errors: _Errors) -> Iterator[Judgement]:
    """A sum that was wrong from the start and becomes right without having been verified."""
    if not errors.after:
        return
    start = max(trace.tap, 0)
    for uid in errors.after[start]:
        for number in range(start + 1, len(trace.hops)):
            hop = trace.hops[number]
            # A mark that is dropped (a csum_blank that a fill had left on) mends nothing: only who writes a sum can launder.
            written = not hop.operations.isdisjoint(_WRITING)
            if uid not in errors.after[number] and _present(hop.after, uid) and not hop.checked and written:
                yield Judgement("CSL401", number, uid, f"{trace.fate.value} at {trace.hops[-1].domain}")
                return
            if uid not in errors.after[number]:
                break


def _overwritten(trace: Trace) -> Iterator[Judgement]:
    """Payload that an editor took for a checksum, in a datagram that has none: nothing shows it."""
    if trace.fate is not Fate.ACCEPTED:
        return
    for number, hop in enumerate(trace.hops):
        if Operation.MEND_PAYLOAD in hop.operations:
            before = _sums(hop.before)
            changed = (uid for uid, own in _sums(hop.after).items() if own.absent and own.data.unknowns != before[uid].data.unknowns)
            yield from (Judgement("CSL303", number, uid, f"accepted at {trace.hops[-1].domain}: {trace.why}") for uid in changed)


def expose(trace: Trace, rewalk: Callable[[int], Trace | None], memory: bool) -> Iterator[Judgement]:
    """What would happen to damage: one hypothesis for each edge of class link or program (with ``memory`` also inside one host).

    ``rewalk`` walks the same way with damage put in before the given hop, None if that cannot be told. A sum guards the damage if the
    damage shows in its r* where it enters."""
    for number, hop in enumerate(trace.hops):
        if hop.fault is Fault.MEMORY and (not memory or _is_sender(hop)):
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
            present = [own for uid, own in _sums(entered.before).items() if _consumes(entered.before, uid)]
            lost = _lost(trace, number)
            absent = all(own.absent for own in present) and lost is None
            yield Judgement("CSL312", lost[0] if lost else number, None, f"{where}: {end.because}", number, note or absent)
            continue
        shown = _showing(end.after, end.state_after)
        there = [uid for uid in shown if uid in taken(end.after)]
        if there:
            cause = damaged.hops[_trusted_since(damaged, there[0])]
            yield Judgement("CSL311", _same_place(trace, cause), there[0], f"{where}: {end.because}", number, note, cause)
        elif not shown:
            cause = damaged.hops[_cleaned(damaged, number, guards[0])]
            place = _same_place(trace, cause)
            if _present(end.after, guards[0]) and settled(end.after, end.state_after, guards[0]) != ZERO:
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
    return [uid for uid, own in _sums(packet).items() if not own.absent and settled(packet, state, uid).damaged]


def _lost(trace: Trace, number: int) -> tuple[int, int] | None:
    """The hop before ``number`` at which a sum that the packet was made with became one that says "none", and whose it is."""
    start = min(_first_final(trace), number)
    made = _sums(trace.hops[start].before)
    gone = [uid for uid, own in _sums(trace.hops[number].before).items() if own.absent and uid in made and not made[uid].absent]
    after = [_sums(hop.after) for hop in trace.hops[start:number]]
    return next(((start + n, uid) for n, sums in enumerate(after) for uid in gone if uid in sums and sums[uid].absent), None)


def _sums(packet: Packet) -> Mapping[int, Sum]:
    assert isinstance(packet, SymbolicPacket)
    return packet.sums


def _consumes(packet: Packet, uid: int) -> bool:
    return any(header.uid == uid and header.consumes for header in packet.headers)


def _cleaned(trace: Trace, start: int, uid: int) -> int:
    """The hop from ``start`` on behind which a sum shows the damage no more; what is encrypted for a while shows it again behind that."""
    last = len(trace.hops) - 1
    for number in range(last, start, -1):
        hop = trace.hops[number - 1]
        if _present(hop.after, uid) and settled(hop.after, hop.state_after, uid).damaged:
            return number
    return start

"""The one judge: reads a trace and says what is right and wrong in it. Stages describe, nobody else decides.

Accepting a packet, or letting it leave, is wrong where r* (settling.py) is not 0 for a sum that is relied on. What would become of damage
is asked in exposure.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from csumlab.conditions import ABSENT_TRANSPORT
from csumlab.facts import FragmentRole
from csumlab.headers import KINDS
from csumlab.interpreting import Packet
from csumlab.operations import ENDINGS, Operation
from csumlab.packet import outer_ip, outer_transport
from csumlab.settling import consumes, present, settled, sums_of, taken, wrong_sums
from csumlab.stage import Part
from csumlab.stages.nic import WIRE
from csumlab.stages.readers import WATCHER
from csumlab.stages.slots import RING_SLOTS
from csumlab.stages.tunnels import TUN_READ
from csumlab.state import Bare, Skb, State, Summed, owed
from csumlab.symbolic.packet import SymbolicPacket
from csumlab.trace import Fate, Hop, Trace

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


def judge(trace: Trace) -> tuple[Judgement, ...]:
    """Everything wrong on the way itself (not what would happen to damage). Raises Undecided."""
    errors = _errors(trace)
    found = list(_endings(trace, errors))
    found += _untranslated(trace)
    found += _elsewhere(trace)
    found += _watched(trace, errors)
    found += _unfitting(trace, errors)
    found += _laundered(trace, errors)
    found += _overwritten(trace)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Errors:
    """For each wrong sum the hop that made it wrong, -1 if it was wrong from the start; what is wrong after each hop; and what was wrong
    when it was encrypted."""

    since: dict[int, int]
    after: tuple[frozenset[int], ...]
    sealed: frozenset[int]

    @property
    def made(self) -> dict[int, int]:
        """Those that a hop made wrong."""
        return {uid: hop for uid, hop in self.since.items() if hop >= 0}


def _errors(trace: Trace) -> _Errors:
    since: dict[int, int] = {}
    suspect: dict[int, int] = {}
    after: list[frozenset[int]] = []
    sealed: set[int] = set()
    start = first_final(trace)
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
        for uid in [uid for uid in since if uid not in wrong and present(hop.after, uid) and uid not in sealed]:
            since.pop(uid)
        for uid in [uid for uid in suspect if uid not in untold and uid not in wrong and present(hop.after, uid)]:
            suspect.pop(uid)
        after.append(wrong)
    return _Errors(since, tuple(after), frozenset(sealed))


def _made_by(trace: Trace, uid: int) -> int:
    """The hop that a sum is wrong from where the packet starts with it: a socket that writes no more than the pseudo-header's sum and does
    not say that the rest is owed; else none, -1."""
    first = trace.hops[0]
    wrote = is_sender(first) and Operation.WRITE_PSEUDO in first.operations
    own = sums_of(first.after).get(uid)
    return 0 if wrote and own is not None and own.unfinished else -1


def _same(hop: Hop, uid: int) -> bool:
    """Whether a sum is as far off behind a hop as it was in front of it: what was wrong there and cannot be told here is wrong."""
    return present(hop.before, uid) and settled(hop.before, hop.state_before, uid) == settled(hop.after, hop.state_after, uid)


def first_final(trace: Trace) -> int:
    """The hop from which on the packet counts as made: a socket's own sums are nothing before its sender's table has run."""
    return 1 if trace.hops and is_sender(trace.hops[0]) else 0


def is_sender(hop: Hop) -> bool:
    """Whether a socket's sums are written here: before that they guard nothing."""
    return hop.stage.part is Part.SENDER


def _endings(trace: Trace, errors: _Errors) -> Iterator[Judgement]:
    """How it ended, and which of the sums that are wrong matter by that."""
    end = trace.end
    if end is None or trace.fate is Fate.UNTOLD:
        yield Judgement("CSL902", len(trace.hops) - 1, None, trace.why)
        return
    outcome = f"{trace.fate.value} at {end.domain}: {trace.why}"
    culprit = next((uid for uid in end.checked if uid in errors.since), None)
    if trace.fate is Fate.WAITING:
        yield from _waiting(trace, end)
    elif trace.fate is Fate.COPIED:
        yield from _copied(trace, errors, outcome)
    elif (refusal := _refusal(trace, end, culprit, outcome)) is not None:
        yield refusal
    else:
        yield from _broken(trace, end, errors, culprit, outcome)
        yield from _came_wrong(trace, end, errors, culprit, outcome)


def _waiting(trace: Trace, end: Hop) -> Iterator[Judgement]:
    """Of a fragment nothing can be told but that it was filled as if it were whole, or that it is told of with the first one."""
    spoiled = _filled_fragment(trace)
    if spoiled is not None:
        yield Judgement("CSL103", *spoiled, "the datagram is refused once it is whole: the sum covers one fragment only")
    elif not told_elsewhere(end.after):
        yield Judgement("CSL902", len(trace.hops) - 1, None, trace.why)


def _copied(trace: Trace, errors: _Errors, outcome: str) -> Iterator[Judgement]:
    """Nobody takes a copy: what is wrong with it was left so by who let it leave."""
    for uid, hop in errors.made.items():
        left = _left(trace, errors, uid, hop)
        if left is not None:
            yield Judgement(_leaving_code(trace.hops[hop], trace.hops[left], errors, uid), hop, uid, outcome)


def _refusal(trace: Trace, end: Hop, culprit: int | None, outcome: str) -> Judgement | None:
    """Why it was refused, where no sum that is wrong is to blame."""
    last = len(trace.hops) - 1
    if trace.fate is Fate.ACCEPTED:
        return None
    if trace.fate is Fate.DROPPED and end.stage is RING_SLOTS:
        return Judgement("CSL504", last, None, outcome)
    if ABSENT_TRANSPORT in end.row.given and (zero := made_absent(trace, last)) is not None:
        # It was refused for want of a sum, which it had: whoever wrote the zero is to blame.
        return Judgement("CSL103", *zero, outcome)
    if culprit is not None:
        return None
    if trace.fate is Fate.REJECTED and end.checked:
        # The sum is as it should be, still owed, and was checked all the same.
        unfinished = (uid for uid in end.checked if sums_of(end.before)[uid].unfinished)
        return Judgement("CSL201", last, next(unfinished, end.checked[0]), outcome)
    # Where no row ends the way, there is none: the domain does not forward.
    stopped = not end.operations.isdisjoint(ENDINGS)
    return Judgement("CSL501" if stopped and end.stage.part is not Part.FORWARD else "CSL502", last, None, outcome)


def _broken(trace: Trace, end: Hop, errors: _Errors, culprit: int | None, outcome: str) -> Iterator[Judgement]:
    """Sums that a hop of the way made wrong."""
    accepted, unopened = trace.fate is Fate.ACCEPTED, set(sums_of(end.after)) - taken(end.after)
    for uid, hop in errors.made.items():
        left = _left(trace, errors, uid, hop)
        if left is not None:
            if not (accepted and _repaired(trace, errors, uid)):
                yield Judgement(_leaving_code(trace.hops[hop], trace.hops[left], errors, uid), hop, uid, outcome)
        elif not accepted:
            if uid == culprit:
                yield Judgement("CSL201", hop, uid, outcome)
        elif uid in unopened:
            continue
        elif present(end.after, uid) and KINDS[sums_of(end.after)[uid].kind].of_programs:
            # Nobody believes it: the program that takes the packet verifies.
            yield Judgement(_leaving_code(trace.hops[hop], end, errors, uid), hop, uid, outcome)
        else:
            yield Judgement("CSL302", hop, uid, outcome, note=True)


def _came_wrong(trace: Trace, end: Hop, errors: _Errors, culprit: int | None, outcome: str) -> Iterator[Judgement]:
    """Sums that were wrong from the start."""
    accepted, unopened = trace.fate is Fate.ACCEPTED, set(sums_of(end.after)) - taken(end.after)
    for uid in [uid for uid, hop in errors.since.items() if hop < 0]:
        if uid in errors.after[-1]:
            if not accepted and uid == culprit:
                yield Judgement("CSL001", len(trace.hops) - 1, uid, outcome)
            elif accepted and uid not in unopened:
                yield Judgement("CSL301", trusted_since(trace, uid), uid, outcome)
        elif accepted and (number := _opened_wrong(trace, errors, uid)) is not None:
            domain = trace.hops[number].domain
            yield Judgement("CSL301", trusted_since(trace, uid, number), uid, f"taken out of its tunnel at {domain}; {outcome}")


def _opened_wrong(trace: Trace, errors: _Errors, uid: int) -> int | None:
    """The hop at which a tunnel's end took off the header of a sum that was wrong there: nobody who takes what is inside looks at it."""
    for number, hop in enumerate(trace.hops):
        opens = not hop.operations.isdisjoint({Operation.POP, Operation.UNSEAL})
        if opens and uid in errors.after[number - 1] and present(hop.before, uid) and not present(hop.after, uid):
            return number
    return None


def told_elsewhere(packet: Packet) -> bool:
    """Whether it is a later fragment of a datagram that is there: it is walked with the first one."""
    ip = outer_ip(packet.headers)
    return ip is not None and ip.fragment is FragmentRole.LATER and ip.piece > 0


def _filled_fragment(trace: Trace) -> tuple[int, int] | None:
    """The hop at which a fragment's transport sum was filled, and whose it is: a sum over one fragment is wrong whatever its seed."""
    for number, hop in enumerate(trace.hops):
        ip, transport = outer_ip(hop.before.headers), outer_transport(hop.before.headers)
        if ip is None or transport is None or ip.fragment is FragmentRole.WHOLE or number < first_final(trace):
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
    return uid not in errors.after[-1] and uid not in errors.sealed and present(trace.hops[-1].after, uid)


def _leaving_code(hop: Hop, left: Hop, errors: _Errors, uid: int) -> str:
    before, after = owed(hop.state_before, hop.before.headers) == uid, owed(hop.state_after, hop.after.headers) == uid
    unfinished = present(hop.after, uid) and sums_of(hop.after)[uid].unfinished
    if Operation.TRANSLATE in hop.operations and not (before and unfinished):
        return "CSL102"
    # Who asks for a fill of what is not unfinished is the cause of what that writes.
    if hop.operations & {Operation.FILL, Operation.SPOIL} or (after and not before and not hop.operations and not unfinished):
        return "CSL103"
    return "CSL104" if left.stage is TUN_READ or uid in errors.sealed else "CSL101"


def trusted_since(trace: Trace, uid: int, end: int | None = None) -> int:
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


def _untranslated(trace: Trace) -> Iterator[Judgement]:
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
        found = [uid for uid in hop.checked if consumes(hop.before, uid) and uid not in errors.after[number]]
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
            if uid not in errors.after[number] and present(hop.after, uid) and not hop.checked and written:
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
            before = sums_of(hop.before)
            changed = (uid for uid, own in sums_of(hop.after).items() if own.absent and own.data.unknowns != before[uid].data.unknowns)
            yield from (Judgement("CSL303", number, uid, f"accepted at {trace.hops[-1].domain}: {trace.why}") for uid in changed)


def made_absent(trace: Trace, number: int) -> tuple[int, int] | None:
    """The hop before ``number`` at which a sum that the packet was made with became one that says "none", and whose it is."""
    start = min(first_final(trace), number)
    made = sums_of(trace.hops[start].before)
    gone = [uid for uid, own in sums_of(trace.hops[number].before).items() if own.absent and uid in made and not made[uid].absent]
    after = [sums_of(hop.after) for hop in trace.hops[start:number]]
    return next(((start + n, uid) for n, sums in enumerate(after) for uid in gone if uid in sums and sums[uid].absent), None)

"""What is said about a watched segment, in fields and in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from csumlab.testimony.segments import FIN, SYN
from csumlab.testimony.twins import MOST_DIFFERENCES
from csumlab.testimony.watching import Watch


@dataclass(frozen=True, slots=True)
class Statement:
    """What the flow says about segment ``number``.

    ``acknowledged``: True if the end of its sequence range was acknowledged (by packet ``acknowledged_by``) before any better copy was
    seen, False if only afterwards or if the receiver kept asking for it, None if nothing tells.
    ``twin`` is the number of a packet that carries the same sequence range, the first good one if there is one; ``twin_good`` says
    whether its sum is good, ``twin_after`` how many nanoseconds it came later (negative: it came before). ``differs`` are
    the offsets from the start of the TCP header where the two differ, at most eight; ``header_length`` bytes of these are header.
    ``copy`` is another sighting of the very same packet with a better sum. ``duplicate_acks`` asked for the segment again.
    """

    number: int
    acknowledged: bool | None
    acknowledged_by: int | None
    twin: int | None
    twin_good: bool
    twin_after: int
    differs: tuple[int, ...]
    header_length: int
    copy: int | None
    duplicate_acks: int
    conclusion: str

    def __str__(self) -> str:
        return f"packet {self.number}: {self.conclusion}"


def statement_of(watch: Watch) -> Statement:
    acknowledged = watch.acknowledged
    if acknowledged is None and watch.duplicates and not watch.before:
        acknowledged = False
    return Statement(
        number=watch.segment.number,
        acknowledged=acknowledged,
        acknowledged_by=watch.acknowledged_by,
        twin=watch.twin,
        twin_good=watch.twin_good,
        twin_after=watch.twin_after,
        differs=watch.differs,
        header_length=watch.segment.payload_at,
        copy=watch.copy,
        duplicate_acks=watch.duplicates,
        conclusion="; ".join(_conclusions(watch)) or "nothing seen",
    )


def _conclusions(watch: Watch) -> Iterator[str]:
    """The strongest thing that can be said, in words."""
    where = _places(watch.differs, watch.segment.payload_at)
    if watch.acknowledged:
        if watch.wrong_copies:
            yield f"its receiver acknowledged its bytes, though all {watch.wrong_copies + 1} copies here are wrong"
        else:
            yield "its receiver acknowledged it: the wrong sum did not reach it, or was not looked at"
        if watch.differs:
            yield f"yet packet {watch.twin} carries other bytes at {where}"
        return
    if watch.copy is not None:
        if watch.differs and watch.twin is None:
            yield f"the same packet is here again as packet {watch.copy}, with other bytes at {where}: damaged between the two places"
        else:
            yield f"the same packet is here again as packet {watch.copy}, with a better sum"
        return
    if watch.twin is None:
        if watch.duplicates:
            times = "once" if watch.duplicates == 1 else f"{watch.duplicates} times"
            yield f"its receiver asked for it again {times} (duplicate acknowledgements): it did not take it"
        elif watch.acknowledged is False:
            yield "sent again in pieces, and acknowledged only then"
        elif watch.before:
            yield "its bytes may have been sent before: an acknowledgement says nothing"
        return
    yield from _of_twin(watch, where)


def _of_twin(watch: Watch, where: str) -> Iterator[str]:
    when = f"sent before as packet {watch.twin}" if watch.before else f"sent again {_later(watch.twin_after)} later"
    payload = watch.segment.range - bool(watch.segment.flags & SYN) - bool(watch.segment.flags & FIN)
    if watch.differs and watch.twin_good and not watch.explained:
        yield f"{when} with other bytes at {where}, but these do not account for its sum"
    elif watch.differs:
        yield f"{when} with other bytes at {where}: " + ("damaged on the way" if watch.twin_good else "that copy is not known to be good")
    elif watch.compared < payload:
        yield f"{when}, the same as far as can be compared: {watch.compared} of {payload} bytes"
    elif watch.before:
        yield f"{when} with the same bytes: only the sum is wrong, and an acknowledgement says nothing"
    elif not watch.twin_good:
        yield f"{when} with the same bytes, and again without a good sum"
    else:
        only = "only the sum was wrong"
        if watch.acknowledged is False or watch.duplicates:
            only += ", the receiver dropped it" if watch.duplicates else ", and it was acknowledged only then"
        yield f"{when} with the same bytes: {only}"


def _places(differs: tuple[int, ...], header: int) -> str:
    """``payload offset 5`` or ``TCP header offset 13 and payload offsets 5, 6``."""
    parts = []
    for name, places in (
        ("TCP header", [at for at in differs if at < header]),
        ("payload", [at - header for at in differs if at >= header]),
    ):
        if places:
            parts.append(f"{name} offset{'s' if len(places) > 1 else ''} {', '.join(map(str, places))}")
    return " and ".join(parts) + (" and more" if len(differs) == MOST_DIFFERENCES else "")


def _later(nanoseconds: int) -> str:
    milliseconds = nanoseconds / 10**6
    if milliseconds < 10:
        return f"{milliseconds:.1f} ms"
    return f"{milliseconds:.0f} ms" if milliseconds < 10_000 else f"{milliseconds / 1000:.0f} s"

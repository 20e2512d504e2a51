"""What each sender does with each kind of checksum over a whole capture: the ground on which unfilled sums are judged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from csumlab.causes import RESTS_ON_SENDER, Cause
from csumlab.choosing import SenderEvidence
from csumlab.evidence import Evidence
from csumlab.headers import KINDS, UNFILLED, Kind
from csumlab.index import PacketClass
from csumlab.recorded import is_owed, is_quoted, leaves


class SenderBook:
    """What each sender does with each kind of checksum, summed over the classes."""

    def __init__(self, classes: Sequence[PacketClass], evidence: Evidence) -> None:
        self._evidence = evidence
        self._owed: defaultdict[tuple[int, Kind], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        self._own_cards: set[str] = set()
        self._marked = {one.facts.interface for one in classes if is_owed(one.facts)}
        for (number, sender), entry in evidence.entries.items():
            facts = classes[number].facts
            for total in facts.sums:
                if total.verdict not in UNFILLED or is_quoted(facts, total):
                    continue
                counts = self._owed[sender, total.kind]
                counts[0] += entry.count
                counts[1] += entry.count if leaves(facts) else 0
                counts[2] += entry.count if facts.long else 0
                counts[3] += entry.forwarded
                mac = evidence.senders[sender].mac
                if mac and entry.forwarded < entry.count:
                    self._own_cards.add(mac)

    def look_up(self, sender: int, kind: Kind, interface: int) -> SenderEvidence:
        name = self._evidence.senders[sender]
        owed, sent, long, forwarded = self._owed.get((sender, kind), (0, 0, 0, 0))
        return SenderEvidence(
            known=sender != 0,
            full=self._evidence.full_sums(sender, kind),
            owed=owed,
            sent=sent,
            long=long,
            forwarded=forwarded,
            own_card=name.mac in self._own_cards,
            loopback=name.address.startswith("127.") or name.address == "::1",
            marked=interface in self._marked,
        )

    def in_words(self, senders: Iterable[int], kind: Kind, cause: Cause) -> tuple[str, ...]:
        """What these senders do with this kind of sum, where that is what a cause rests on."""
        if cause.name not in RESTS_ON_SENDER or not kind:
            return ()
        known = [self.look_up(sender, kind, -1) for sender in senders if sender]
        if not known:
            return ()
        owed, full = sum(one.owed for one in known), sum(one.full for one in known)
        parts = [f"{owed:,} {KINDS[kind].label} sums not filled and {'about ' if full else ''}{full or 'none':{',' if full else ''}} full"]
        for count, text in (
            (sum(one.sent for one in known), "recorded as leaving"),
            (sum(one.long for one in known), "longer than a frame on the wire"),
            (sum(one.forwarded for one in known), "with a TTL that a router has lowered"),
        ):
            if count:
                parts.append(f"{count:,} {text}")
        return ("its sender" + ("s have " if len(known) > 1 else " has ") + "; ".join(parts),)

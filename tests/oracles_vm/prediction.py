"""What csumlab's tables say of a recorded packet, held against what was observed: ports, bytes, flags, delivery, error counters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from csumlab.classes import headers_of
from csumlab.dissection import dissect_packet
from csumlab.headers import Kind, Layer, Link
from csumlab.inet import residue
from csumlab.interpreting import Packet
from csumlab.machine import Incomplete
from csumlab.plain.packet import FramePacket
from csumlab.stage import Row
from csumlab.state import Skb, State, Summed
from csumlab.symbolic.sums import Untold
from csumlab.tables import Tables
from csumlab.topology.load import parse_topology
from csumlab.topology.model import Topology
from csumlab.trace import TAP, Fate, Trace
from csumlab.walk import Walker
from csumlab.walking.places import Undetermined

from .matrix import ETHERTYPES
from .recording import Observed, Recording, Step, View

_COUNTER = {
    (Kind.TCP, 4): "Tcp",
    (Kind.TCP, 6): "Tcp",
    (Kind.UDP, 4): "Udp",
    (Kind.UDP, 6): "Udp6",
    (Kind.ICMP, 4): "Icmp",
    (Kind.ICMPV6, 6): "Icmp6",
}
"""Error counters of /proc/net/snmp and snmp6; TCP over IPv6 counts with TCP."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """One walk of a packet as bytes: its views at every port it passes in the clear, and how it ends."""

    trace: Trace
    views: Mapping[str, View]

    @property
    def accepted(self) -> bool:
        return self.trace.fate is Fate.ACCEPTED

    @property
    def counter(self) -> tuple[str, str] | None:
        """The domain and the counter that the end of the walk moves; GRE's errors are not in these files."""
        end = self.trace.end
        if end is None or self.trace.fate is not Fate.REJECTED:
            return None
        header = next(h for h in end.before.headers if h.consumes or h.kind in (Kind.ICMP, Kind.ICMPV6))
        version = 4 if any(h.layer is Layer.IPV4 for h in end.before.headers) else 6
        name = _COUNTER.get((header.kind, version))
        return (end.domain, name) if name else None


@dataclass(frozen=True, slots=True)
class Difference:
    """Where model and machine do not agree, in one line."""

    step: str
    packet: str
    text: str

    def __str__(self) -> str:
        return f"{self.step}: {self.packet}: {self.text}"


def predict(topology: Topology, one: Observed) -> list[Prediction]:
    """Every walk of the packet; more than one where only run-time state could tell."""
    frame = bytes(12) + ETHERTYPES[one.sent[0] >> 4] + one.sent
    facts = dissect_packet(frame, Link.ETHERNET, tables=topology.tables).facts
    packet = FramePacket(one.sent, headers_of(facts, topology), facts.long, tunnel_ports=topology.tables.tunnel_ports)
    found, todo = [], [dict[str, str]()]
    while todo:
        choices = todo.pop()
        walker = Walker(topology, choices, finished=None if one.made else _state(packet, one.state))
        try:
            trace = walker.run(topology.domains[one.origin], packet)
        except Undetermined as question:
            todo += [{**choices, question.label: option} for option in question.options]
            continue
        found.append(Prediction(trace, dict(_views(trace))))
    return found


def sealed(prediction: Prediction) -> dict[str, View]:
    """The views of the packet at ports where it is inside an opaque tunnel: the tunnel's own packet, as the model makes it up."""
    return {
        f"{hop.port} {hop.way}": View(hop.after.data, _told(hop.after, hop.state_after))
        for hop in prediction.trace.hops
        if hop.stage is TAP and isinstance(hop.after, FramePacket) and hop.after.sealed is not None
    }


def differences(recording: Recording) -> Iterator[Difference]:
    """Everything in which the tables and the machine differ, in the steps whose host csumlab can describe."""
    for step in recording.steps:
        if step.host:
            yield from step_differences(step)


def step_differences(step: Step) -> Iterator[Difference]:
    topology = parse_topology(step.host)
    counted: dict[str, dict[str, int]] = {}
    sure = True
    for one in step.packets:
        predictions = predict(topology, one)
        texts = [list(_differences(step, one, prediction, topology)) for prediction in predictions]
        best = min(range(len(texts)), key=lambda n: len(texts[n]))
        yield from (Difference(step.name, one.what, text) for text in texts[best])
        counter = predictions[best].counter
        if counter is not None and one.delivered is not None:
            counts = counted.setdefault(counter[0], {})
            counts[counter[1]] = counts.get(counter[1], 0) + 1
        sure = sure and not texts[best]
    if sure and counted != {domain: dict(counts) for domain, counts in step.counters.items()}:
        yield Difference(step.name, "all packets", f"checksum errors are counted {counted} / {step.counters}")


def disagrees(step: Step) -> bool:
    """Whether tables and machine differ; a table that no walk can go by disagrees too."""
    try:
        return any(True for _ in step_differences(step))
    except (Untold, Incomplete, KeyError, TypeError, AttributeError, LookupError, AssertionError):
        return True


def rows_passed(step: Step) -> dict[tuple[str, int], int]:
    """How many packets of a step passed each row, by stage and number of the row from 1. That a row was passed confirms nothing yet: it
    counts only if the comparison fails when the row is changed."""
    found: dict[tuple[str, int], int] = {}
    topology = parse_topology(step.host)
    for one in step.packets:
        passed: set[tuple[str, int]] = set()
        for prediction in predict(topology, one):
            passed |= {(hop.stage.name, _place(hop.stage.table, hop.row)) for hop in prediction.trace.hops}
        for key in passed:
            found[key] = found.get(key, 0) + 1
    return found


def _place(table: tuple[Row, ...], row: Row) -> int:
    return next(number for number, each in enumerate(table, 1) if each is row)


def _differences(step: Step, one: Observed, prediction: Prediction, topology: Topology) -> Iterator[str]:
    expected = {port: view for port, view in prediction.views.items() if port.split()[0] in step.watched}
    for port in sorted(expected.keys() | one.views.keys()):
        mine, seen = expected.get(port), one.views.get(port)
        if mine is None or seen is None:
            yield f"{port}: {'is not passed' if mine is None else 'is passed'} / {'is not seen' if seen is None else 'is seen'}"
            continue
        if not _same(mine.data, _whole(seen.data), topology.tables):
            yield f"{port}: holds {mine.data.hex()} / {seen.data.hex()}"
        if seen.state is not None and mine.state != seen.state:
            yield f"{port}: is told {mine.state!r} / {seen.state!r}"
    if one.delivered is not None and prediction.accepted is not one.delivered:
        yield f"the packet is {prediction.trace.fate.value}: {prediction.trace.why} / {'arrived' if one.delivered else 'did not arrive'}"


def _same(mine: bytes, seen: bytes, tables: Tables) -> bool:
    """Whether the bytes are the same. Of an encapsulated packet the tunnel's own headers are made up in the model: there the headers, the
    verdict on every sum and the inner packet must be."""
    if mine == seen:
        return True
    ours, theirs = (dissect_packet(bytes(12) + ETHERTYPES[data[0] >> 4] + data, Link.ETHERNET, tables=tables) for data in (mine, seen))
    inner = [[h.offset - 14 for h in found.headers if h.layer in (Layer.IPV4, Layer.IPV6)] for found in (ours, theirs)]
    if len(inner[0]) < 2 or len(inner[0]) != len(inner[1]):
        return False
    told = [([h.layer for h in found.headers], [one.verdict for one in found.sums]) for found in (ours, theirs)]
    return told[0] == told[1] and mine[inner[0][-1] :] == seen[inner[1][-1] :]


def _whole(data: bytes) -> bytes:
    """A packet as it was when it was seen. A receiver of FOU or GUE takes the length of what it opens off the outer IP header, in the
    buffer that a packet socket shares with it until somebody reads (Linux net/ipv4/fou_core.c fou_recv_pull): the IPv4 header's sum
    tells, over IPv6 the length in the UDP header."""
    payload = (len(data) - 40).to_bytes(2, "big")
    if data[0] >> 4 == 6 and data[6] == 17 and data[44:46] == payload:
        return data[:4] + payload + data[6:]
    if data[0] >> 4 != 4 or residue(data[:20]) == 0:
        return data
    whole = data[:2] + len(data).to_bytes(2, "big") + data[4:]
    return whole if residue(whole[:20]) == 0 else data


def _state(packet: FramePacket, text: str) -> Skb:
    if not text:
        return Skb()
    start = int(text.split()[1])
    return Skb(Summed.PARTIAL, start=next(header.uid for header in packet.headers if packet.offset(header.uid) == start))


def _views(trace: Trace) -> Iterator[tuple[str, View]]:
    for hop in trace.hops:
        if hop.stage is TAP:
            packet = hop.after
            assert isinstance(packet, FramePacket)
            if packet.sealed is None:
                yield f"{hop.port} {hop.way}", View(packet.data, _told(packet, hop.state_after))


def _told(packet: Packet, state: State) -> str:
    """What struct virtio_net_hdr says of a state (Linux include/linux/virtio_net.h virtio_net_hdr_from_skb)."""
    assert isinstance(packet, FramePacket)
    if not isinstance(state, Skb):
        return ""
    if state.summed is Summed.PARTIAL and state.start is not None:
        one = packet.sums[state.start]
        return f"partial {one.start} {one.at - one.start}"
    return "valid" if state.summed is Summed.UNNECESSARY else ""

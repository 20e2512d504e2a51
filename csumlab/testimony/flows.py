"""TCP's own testimony: what the rest of a flow says about a segment whose sum is not good.

A receiver acknowledges only what it accepted, and a sender sends again what was not acknowledged. So an acknowledgement before any
good copy says that the wrong sum did not reach the receiver or was not looked at, and a twin with other bytes shows where the segment
was damaged. Best is to watch the segments in a first pass over the capture and to follow in a second. In one pass (of every block first
watch, then follow) good copies in earlier blocks are not known.

Sequence numbers count modulo 2^32 (RFC 9293 section 3.4). SACK is not looked at, nor are keepalives, nor packets quoted in ICMP errors.
All tables are bounded; ``capped`` says what was left out.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from csumlab.capture.block import Block, Interface
from csumlab.dissection import Dissection, dissect_packet
from csumlab.fingerprints import TCP, Outer, flow_hashes, outer_headers
from csumlab.headers import Layer
from csumlab.tables import NO_TABLES, Tables
from csumlab.testimony.segments import ACK, FIN, HALF, RST, SYN, TURN, End, Segment, segment_of
from csumlab.testimony.statements import Statement, statement_of
from csumlab.testimony.watching import LONGEST, PATIENCE, Flow, Watch, is_new, note, raise_end, raise_to

__all__ = ["Capped", "Statement", "Testimony"]

FLOWS: Final = 1024
"""Flows with watched segments."""
SEGMENTS: Final = 4096
"""Segments watched in all."""
OPEN: Final = 64
"""Segments of one flow that are watched at a time."""
KEPT: Final = 9000
"""Payload bytes kept of a watched segment."""
OCTETS: Final = 32 << 20
"""Bytes kept in all."""
LOOKS: Final = 1 << 17
"""Packets of watched flows that :meth:`Testimony.follow` looks at in all."""
DISSECTED: Final = 1 << 12
"""The same that it dissects, which costs about 0.1 ms each."""
_BUCKETS: Final = 1 << 16


@dataclass(slots=True)
class Capped:
    """What the bounds left out: segments of further ``flows``, further ``segments``, ``octets`` of payload that were not kept, ``looks``
    at packets of watched flows."""

    flows: int = 0
    segments: int = 0
    octets: int = 0
    looks: int = 0

    def __bool__(self) -> bool:
        return bool(self.flows or self.segments or self.octets or self.looks)


class Testimony:
    """Watches segments and follows their flows; see the module for the order of calls."""

    __test__ = False  # Not a test, whatever pytest makes of the name.

    def __init__(self, tables: Tables = NO_TABLES) -> None:
        self._tables = tables
        self.capped = Capped()
        self._flows: dict[frozenset[End], Flow] = {}
        self._watches: dict[int, Watch] = {}
        self._octets = 0
        self._looks = 0
        self._dissected = 0
        self._by_ports: dict[int, int] = {}
        self._by_addresses: dict[int, int] = {}

    def watch(self, number: int, timestamp: int, data: bytes | memoryview, dissection: Dissection, position: int) -> bool:
        """Watch the TCP segment of checksum ``position``; whether it is watched now.

        It is not if the sum is good, not known or not TCP's, if the segment has no sequence range, or if a bound is reached.
        """
        view = memoryview(data)
        segment = segment_of(number, timestamp, view, dissection, dissection.sums[position])
        if segment is None or segment.known or not segment.range or number in self._watches:
            return False
        if len(self._watches) >= SEGMENTS:
            self.capped.segments += 1
            return False
        flow = self._flow_of(segment, view, dissection)
        if flow is None:
            return False
        if len(flow.open) >= OPEN:
            self.capped.segments += 1
            return False
        room = max(min(KEPT, OCTETS - self._octets), 0)
        content = bytes(segment.content[: segment.payload_at + room])
        self.capped.octets += len(segment.content) - len(content)
        self._octets += max(len(content) - segment.payload_at, 0)
        watch = Watch(replace(segment, content=memoryview(content)), [(0, segment.range)])
        self._watches[number] = watch
        flow.open.append(watch)
        self._count(flow, 1)
        raise_end(flow, segment)
        return True

    def wanted(self, block: Block, ip_offsets: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows of a block that may belong to a flow with open watches, in order. ``ip_offsets``: the outermost IP header, or -1.

        Segments inside tunnels are found by the outermost addresses: both directions must use the same pair.
        """
        return self._wanted(block, ip_offsets)[0]

    def look(self, number: int, timestamp: int, data: bytes | memoryview, dissection: Dissection) -> None:
        """Take note of a packet; packets must come in the order of the capture. Packets of flows that nobody watches change nothing."""
        if not self._flows:
            return
        for checksum in dissection.sums:
            segment = segment_of(number, timestamp, memoryview(data), dissection, checksum)
            flow = self._flows.get(frozenset((segment.sender, segment.receiver))) if segment is not None else None
            if segment is None or flow is None:
                continue
            new = is_new(flow, segment)
            raise_end(flow, segment)
            for watch in tuple(flow.open):
                if (new and number > watch.segment.number) or note(flow, watch, segment):
                    flow.open.remove(watch)
                    self._count(flow, -1)
            if segment.acknowledges is not None:
                flow.last[segment.sender] = segment.acknowledges

    def follow(self, block: Block, ip_offsets: NDArray[np.int64]) -> int:
        """Look at what a block has of watched flows; the number of packets that were dissected for it."""
        rows, direct = self._wanted(block, ip_offsets)
        dissected = 0
        data = memoryview(block.data)  # type: ignore[arg-type]  # NumPy's stubs leave out that an array is a buffer
        for row, plain in zip(rows.tolist(), direct.tolist(), strict=True):
            if self._looks >= LOOKS or self._dissected >= DISSECTED:
                self.capped.looks += 1
                continue
            if not self._by_ports and not self._by_addresses:
                break
            self._looks += 1
            start = int(block.offset[row])
            packet = data[start : start + int(block.captured[row])]
            if plain and not self._matters(packet, int(ip_offsets[row]), int(block.timestamp[row])):
                continue
            self._dissected += 1
            interface: Interface = block.interfaces[int(block.interface[row])]
            dissected += 1
            self.look(
                block.first + row,
                int(block.timestamp[row]),
                packet,
                dissect_packet(packet, interface.linktype, int(block.original[row]), self._tables),
            )
        return dissected

    def verdicts(self) -> dict[int, Statement]:
        """What is known by now about every watched segment, by packet number."""
        return {number: statement_of(watch) for number, watch in self._watches.items()}

    def _flow_of(self, segment: Segment, view: memoryview, dissection: Dissection) -> Flow | None:
        """The flow of a segment, a new one if there is room."""
        key = frozenset((segment.sender, segment.receiver))
        flow = self._flows.get(key)
        if flow is None:
            if len(self._flows) >= FLOWS:
                self.capped.flows += 1
                return None
            outer = _outer_of(view, dissection)
            if not len(outer.rows):
                return None
            by_ports, by_addresses = flow_hashes(outer)
            direct = not segment.nested and int(outer.protocol[0]) == TCP
            flow = self._flows[key] = Flow(int((by_ports if direct else by_addresses)[0]), direct)
        return flow

    def _count(self, flow: Flow, change: int) -> None:
        """Keep the number of open watches by hash."""
        table = self._by_ports if flow.ports else self._by_addresses
        table[flow.key] = table.get(flow.key, 0) + change
        if not table[flow.key]:
            del table[flow.key]

    def _wanted(self, block: Block, ip_offsets: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The wanted rows, and for which of them it is the ports alone that say so."""
        if not self._by_ports and not self._by_addresses:
            return np.zeros(0, np.int64), np.zeros(0, np.bool_)
        outer = outer_headers(block, ip_offsets)
        by_ports, by_addresses = flow_hashes(outer)
        ported = _among(by_ports, self._by_ports)
        nested = _among(by_addresses, self._by_addresses)
        found = ported | nested
        return outer.rows[found], ~nested[found]

    def _matters(self, packet: memoryview, at: int, timestamp: int) -> bool:
        """Whether a packet whose TCP header follows its outermost IP header may tell something: a look at few bytes, before dissection."""
        six = packet[at] >> 4 == 6
        low, high, transport = (at + 8, at + 24, at + 40) if six else (at + 12, at + 16, at + (packet[at] & 15) * 4)
        if len(packet) < transport + 20:
            return True
        source_port, destination_port, start, acknowledges, size, flags = struct.unpack_from("!HHIIBB", packet, transport)
        sender = (1, bytes(packet[low:high]), source_port)
        receiver = (1, bytes(packet[high : 2 * high - low]), destination_port)
        flow = self._flows.get(frozenset((sender, receiver)))
        if flow is None:
            return False
        for watch in flow.open:
            watched = watch.segment
            if flags & (SYN | RST) or timestamp - watched.timestamp > PATIENCE:
                return True
            if watched.sender == sender:
                if not TURN - LONGEST > (start - watched.start) % TURN >= watched.range:
                    return True
            elif flags & ACK and (acknowledges - watched.start) % TURN < HALF:
                return True
        length = len(packet) - transport - (size >> 4) * 4
        if length < 0 or size < 0x50:
            return True  # Dissection says what its header is.
        raise_to(flow, sender, (start + length + bool(flags & FIN)) % TURN)
        if flags & ACK:
            flow.last[sender] = acknowledges
        return False


def _among(hashes: NDArray[np.uint64], table: dict[int, int]) -> NDArray[np.bool_]:
    """Which hashes are keys of the table: few are, so most are sorted out by their low bits."""
    keys = np.fromiter(table, np.uint64, len(table))
    mask = np.uint64(_BUCKETS - 1)
    marked = np.zeros(_BUCKETS, np.bool_)
    marked[keys & mask] = True
    found: NDArray[np.bool_] = marked[hashes & mask]
    maybe = np.flatnonzero(found)
    found[maybe] = np.isin(hashes[maybe], keys)
    return found


def _outer_of(view: memoryview, dissection: Dissection) -> Outer:
    """The outermost IP header of one packet as the same columns that whole blocks have."""
    data = np.frombuffer(view, np.uint8)
    offsets = [header.offset for header in dissection.headers if header.layer in (Layer.IPV4, Layer.IPV6)]
    one = np.array([len(data)], np.int64)
    none = np.zeros(1, np.int64)
    block = Block(data, none, one, one, none, none.astype(np.int32), none, 1, (Interface(0),))
    return outer_headers(block, np.array(offsets[:1] or [-1], np.int64))

"""Real devices in use: probes go in, and what becomes of them is written down."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property

from csumlab.dissection import dissect_packet
from csumlab.headers import Layer
from csumlab.packet import Span
from csumlab.tables import Tables
from csumlab.topology import forward, ways
from csumlab.topology.model import DeviceKind, Port, Topology

from .devices import Devices, wait_until_running
from .ports import NEEDS_CSUM, PacketEnd, Sight, Virtio
from .rules import finished


@dataclass
class Observed:
    """What was seen of one probe: at devices, by domain in order; at the sockets of domains; and what their counters say."""

    sights: dict[str, list[Sight]] = field(default_factory=dict)
    delivered: dict[str, bytes] = field(default_factory=dict)
    counted: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return sum(map(len, self.sights.values()))


class World(Devices):
    """Devices with senders at their ports. As its parent it lives within ``with``."""

    def __init__(self, topology: Topology, played: Iterable[str] = (), addresses: Iterable[str] = (), *, tapped: bool = False) -> None:
        super().__init__(topology, played, addresses, tapped=tapped)
        self.arrived: list[tuple[Port, Virtio, bytes]] = []
        self._senders: dict[Port, PacketEnd] = {}

    def close(self) -> None:
        for sender in self._senders.values():
            sender.close()
        super().close()

    def ready(self, port: Port) -> None:
        """Wait until a real device may send. Raises Untestable if a played one cannot stand for itself."""
        if port.domain in self.real:
            with self.inside(port.domain):
                wait_until_running([port.device])
        elif self.topology.device(port).peer is not None:
            self.check_sender(port)

    def send(self, port: Port, virtio: Virtio, frame: bytes) -> None:
        """Send a frame out of ``port``: by the packet socket of a real domain, or from the played end of a cable. Raises OSError."""
        if port.domain in self.real:
            if port not in self._senders:
                with self.inside(port.domain):
                    self._senders[port] = PacketEnd(port.device, receives=False)
            self._senders[port].send(virtio, frame)
            return
        peer = self.topology.device(port).peer
        if peer is not None:
            self.ends[peer].send(virtio, frame)
        else:
            self._on_wire(port, virtio, frame)

    def _on_wire(self, sender: Port, virtio: Virtio, frame: bytes) -> None:
        """Hand a frame to the card through which its address is reached, if that is a real one. A wire carries no request to finish it."""
        for target, way in ways.segment(self.topology, sender).items():
            if self.macs[target] == frame[:6] and way[0].peer in self.ends:
                self.ends[way[0].peer].send(Virtio(virtio.flags & ~NEEDS_CSUM), frame)

    def _relay(self) -> None:
        """Everything that has come to played ends: to where the wire leads, or noted. What waits for a program is decided over first."""
        for program in self.programs:
            program.work()
        for port, end in self.ends.items():
            while (got := end.receive()) is not None:
                virtio, frame = got
                self.arrived.append((port, virtio, frame))
                if self.topology.device(port).kind is DeviceKind.NIC:
                    self._on_wire(port, Virtio(), finished(virtio, frame))

    def begin(self) -> dict[str, dict[str, int]]:
        """The counters before a probe is sent; what was seen before is forgotten."""
        for connections in self.connections.values():
            connections.flush()
        self._relay()
        self.arrived.clear()
        for watcher in self.watchers.values():
            for _ in watcher.sights():
                pass
        return {name: self._counters(name) for name in self.sockets}

    def _counters(self, name: str) -> dict[str, int]:
        """Those of a domain's kernel, and the drops of its programs."""
        drops = sum(program.drops for program in self.programs if program.domain.name == name)
        return {**self.sockets[name].counters(), "Program.Drops": drops}

    def until(self, done: Callable[[], bool], patience: float = 0.5) -> None:
        """Carry frames until something has come about. Raises TimeoutError after ``patience`` seconds."""
        deadline = time.monotonic() + patience
        while not done():
            self._relay()
            if time.monotonic() > deadline:
                raise TimeoutError("a connection is not opened")
            time.sleep(0.0005)

    def observe(
        self, before: dict[str, dict[str, int]], mark: bytes, enough: Callable[[Observed], bool], patience: float, quoted: bool = False
    ) -> Observed:
        """What became of the probe with these bytes in it, when it is ``enough`` and nothing more comes, or after ``patience`` seconds.
        ``quoted`` says that the probe is an ICMP error and has the mark in what it quotes."""
        found = Observed()
        deadline = time.monotonic() + patience
        quiet = 0
        while True:
            known = found.count + len(found.delivered)
            self._relay()
            self._at_played_ends(found, mark, quoted)
            for name, watcher in self.watchers.items():
                found.sights.setdefault(name, []).extend(s for s in watcher.sights() if self._is_probe(s.frame, mark, quoted))
            for name, sockets in self.sockets.items():
                for payload in sockets.received():
                    if mark in payload:
                        found.delivered[name] = payload
                found.counted[name] = {
                    word: value - before[name].get(word, 0)
                    for word, value in self._counters(name).items()
                    if value != before[name].get(word, 0)
                }
            quiet = quiet + 1 if found.count + len(found.delivered) == known else 0
            if quiet and enough(found):
                break
            if time.monotonic() > deadline:
                break
            if quiet:
                time.sleep(0.0005)
        return found

    def _at_played_ends(self, found: Observed, mark: bytes, quoted: bool) -> None:
        for port, virtio, frame in self.arrived:
            peer = self.topology.device(port).peer
            if peer is not None and self._is_probe(frame, mark, quoted):
                found.sights.setdefault(peer.domain, []).append(Sight(peer.device, "in", virtio, False, frame))
        self.arrived.clear()

    @cached_property
    def tables(self) -> Tables:
        return self.topology.tables

    def _is_probe(self, frame: bytes, mark: bytes, quoted: bool) -> bool:
        """Whether a frame is the probe, and not an ICMP error that quotes it."""
        if mark not in frame:
            return False
        return quoted or all(header.layer is not Layer.QUOTE for header in dissect_packet(frame, 1, tables=self.tables).headers)

    def next_mac(self, port: Port, destination: Span) -> bytes:
        """The hardware address that a packet out of ``port`` to ``destination`` is sent to."""
        domain, device = self.topology.domains[port.domain], self.topology.device(port)
        if device.kind is DeviceKind.VXLAN:
            other = self._other_end(device)
            return self.macs[other] if other else bytes(6)
        _, hop = forward.route(domain, destination)
        return self.macs[forward.next_stop(self.topology, port, hop, destination)]

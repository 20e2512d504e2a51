"""Into tunnels and out of them: the packet that carries another one is made, and taken off."""

from __future__ import annotations

from dataclasses import dataclass

from csumlab.headers import Layer
from csumlab.interpreting import Translation
from csumlab.operations import ECN
from csumlab.outer import Outer
from csumlab.packet import Span, exactly, outer_ip
from csumlab.stages import nic, tunnels
from csumlab.topology import forward
from csumlab.topology.model import CARRIAGES, NO_DEVICES, DeviceKind, Domain, Port
from csumlab.topology.options import options_of
from csumlab.trace import Fault
from csumlab.walking.crossing import Crossing


@dataclass
class Carrying(Crossing):
    """A walk through the ends of tunnels."""

    def _put_in(self, domain: Domain, port: Port, forwarded: bool) -> tuple[Port, Span]:
        """Into the packet that carries what goes out by the tunnel device ``port``: where that leaves by, and its next hop. ``forwarded``
        says that somebody else has sent what is carried."""
        preset, device = self._preset(domain), self.topology.device(port)
        if CARRIAGES[device.kind].sealed:
            # Nobody can cut what is encrypted: whatever the device offers, it is done now (net/xfrm/xfrm_output.c xfrm_output_gso).
            self._segment(domain, port if options_of(device)["esp-offload"] else None)
        local, remote = exactly(device.local), device.way[0]
        layers = (Layer.IPV4 if local.version == 4 else Layer.IPV6, *device.tunnel_layers)
        outer = Outer(local.version, layers, local, remote, Span(0, device.port, device.port), device.way)
        leaving, hop = forward.route(domain, remote, beside=device.name if device.kind in NO_DEVICES else "")
        sender = Port(domain.name, leaving.name)
        if device.kind is DeviceKind.VPN:
            self._apply(tunnels.TUN_READ, domain, port, "out")
            self._apply(tunnels.VPN_SEAL, domain, port, "out", outer, fault=Fault.PROGRAM)
        elif device.kind is DeviceKind.ESP and options_of(device)["card-encrypts"]:
            self._apply(nic.CARD_SEAL, domain, sender, "out", outer)
        else:
            self._apply(preset.carrying[device.kind][0], domain, port, "out", outer, words=("forwarded",) if forwarded else ())
        return sender, hop

    def _take_out(self, domain: Domain, port: Port, kind: DeviceKind) -> None:
        """Out of the packet of a tunnel of this ``kind`` that ``port`` has taken."""
        preset = self._preset(domain)
        handed_on = preset.ecn if CARRIAGES[kind].marks else None
        came_marked = self._mark() if handed_on is not None else ""
        leave = preset.vpn_unseal if kind is DeviceKind.VPN else preset.carrying.get(kind, (None, tunnels.DECAPSULATE))[1]
        self._apply(leave, domain, port, "in", self._outer_addresses())
        if handed_on is not None:
            self._apply(handed_on, domain, port, "in", came_marked=came_marked)
        if CARRIAGES[kind].sealed:
            self._fault = Fault.PROGRAM if kind is DeviceKind.VPN else Fault.MEMORY

    def _mark(self) -> str:
        """The ECN mark of the outer IP header, where it is one that is handed on."""
        ip = outer_ip(self.packet.headers)
        return next((word for word in ("CE", "ECT(1)") if ip is not None and self.packet.marked(ip.uid, ECN[word])), "")

    def _outer_addresses(self) -> Translation | None:
        """The addresses that a packet in transport mode gets back with its header."""
        ip = outer_ip(self.packet.headers)
        return Translation(source=ip.source, destination=ip.destination) if ip is not None else None

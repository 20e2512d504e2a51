"""Super-frames and datagrams that are longer than what they leave by: cut, left whole, put together."""

from __future__ import annotations

from dataclasses import dataclass

from csumlab.facts import FragmentRole
from csumlab.headers import Layer
from csumlab.packet import outer_ip, outer_transport
from csumlab.predicates import exceeds
from csumlab.stage import Stage
from csumlab.stages.datagrams import SUMMED
from csumlab.topology.model import NO_DEVICES, Domain, Port
from csumlab.topology.options import UFO
from csumlab.trace import Fate
from csumlab.walking.places import Ended, Places


@dataclass
class Cutting(Places):
    """A walk that cuts what is too long, and puts datagrams together of which it has all fragments."""

    def _segment(self, domain: Domain, port: Port | None = None, way: str = "out") -> None:
        """Cut a super-frame that ``port`` does not take, or with none whatever devices offer."""
        stage = self._preset(domain).segmentation
        if stage is not None and self.packet.long:
            self._apply(stage, domain, port, way)

    def _leave_whole(self, domain: Domain, sender: Port) -> None:
        """A datagram of a local socket of a kernel that leaves some whole which are longer than the MTU."""
        stage, device, ip = self._preset(domain).large_datagram, self.topology.device(sender), outer_ip(self.packet.headers)
        transport = outer_transport(self.packet.headers)
        if stage is None or ip is None or ip.fragment is not FragmentRole.WHOLE:
            return
        if transport is None or transport.layer is not Layer.UDP:
            return
        offered = device.kind not in NO_DEVICES and self._features(domain, sender)(UFO)
        if self.packet.long or (offered and exceeds(self.packet, self._mtu(sender))):
            words = (SUMMED,) if self.finished is not None else ()
            self._apply(stage, domain, sender, mtu=device.mtu, words=words)

    def _cut(self, stage: Stage | None, domain: Domain, port: Port, leaving: Port, way: str = "") -> None:
        """Into fragments, if the packet is longer than the MTU of ``leaving`` or came in fragments."""
        ip, mtu = outer_ip(self.packet.headers), self._mtu(leaving)
        if ip is not None and ip.reassembled:
            mtu = self.topology.device(leaving).mtu  # Whatever the MTUs of others, it fits no longer.
        if ip is None or not mtu or not (ip.reassembled or (ip.exceeds(mtu) and not self.packet.long)):
            return
        if stage is None:
            raise Ended(Fate.UNTOLD, f"how {self._preset(domain).title} cuts packets into fragments is not modelled")
        if any(header.gathered for header in self.packet.headers if header is not ip):
            raise Ended(Fate.UNTOLD, "fragments of a tunnel's packets that carry fragments are not followed")
        self._apply(stage, domain, port, way, mtu=mtu)

    def _gather(self, domain: Domain, port: Port) -> None:
        """Put a datagram together of which the walk has all fragments."""
        ip, stage = outer_ip(self.packet.headers), self._preset(domain).reassembly
        if ip is not None and ip.gathered and stage is not None:
            self._apply(stage, domain, port, "in")

    def _wait_for_rest(self) -> None:
        """A fragment that was not put together goes no further here."""
        ip = outer_ip(self.packet.headers)
        if ip is not None and ip.fragment is not FragmentRole.WHOLE:
            raise Ended(Fate.WAITING, "the datagram is whole only in another packet")

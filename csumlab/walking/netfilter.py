"""The hooks of a host's IP, and of its bridges: connection tracking, translation and edits where a packet comes in, leaves and arrives."""

from __future__ import annotations

from dataclasses import dataclass

from csumlab.headers import Layer
from csumlab.interpreting import Translation
from csumlab.packet import outer_ip, outer_transport
from csumlab.stage import Stage
from csumlab.stages import hooks, rewriters
from csumlab.topology import forward, translating
from csumlab.topology.model import Domain, Port
from csumlab.topology.options import BRIDGE_CALLS, options_of
from csumlab.walking.connections import Connections


@dataclass
class Netfilter(Connections):
    """A walk through the hooks of hosts."""

    def _sent_elsewhere(self, domain: Domain, sender: Port) -> bool:
        """Whether a rule in OUTPUT gives what a local socket sends another destination, by which the packet is routed again
        (net/netfilter/nf_nat_proto.c nf_nat_ipv4_local_fn, ip_route_me_harder)."""
        ip, own = outer_ip(self.packet.headers), domain.loopback
        edit = self._destination_edit(domain, own) if ip is not None and own is not None and domain.tracked else None
        if edit is None or not self._is_for_what_is_sent(domain, edit):
            return False
        self._translate(domain, sender, "out", edit)
        return True

    def _is_for_what_is_sent(self, domain: Domain, edit: Translation) -> bool:
        """Whether a rule in OUTPUT is for the packet. One that sends packets to the host itself is not for what its own proxy sends, nor
        for answers, which the capture does not tell."""
        if edit.destination is None or not forward.is_looped(edit.destination):
            return True
        there = f"a rule of {domain.name} sends it to {domain.name} itself"
        return self._decide(f"whether {there}", ("no rule sends it elsewhere", there)) == there

    def _filter(self, domain: Domain, port: Port) -> None:
        """FORWARD: the rule for what connection tracking calls INVALID, where there is one."""
        if domain.drops_invalid:
            self._apply(hooks.INVALID_DROPPED, domain, port, "in")

    def _postrouting(self, domain: Domain, sender: Port) -> None:
        """The rules for what leaves by ``sender``."""
        device = self.topology.device(sender)
        ip, transport = outer_ip(self.packet.headers), outer_transport(self.packet.headers)
        if transport is not None and transport.layer is Layer.UDP and options_of(device)["checksum-fill"]:
            self._apply(hooks.CHECKSUM_TARGET, domain, sender, "out")
        self._rewrite(domain, sender, "out", rewriters.IN_NETFILTER)
        if ip is not None and domain.tracked:
            edit = translating.translate_source(domain, device, ip, transport)
            if edit is not None:
                self._translate(domain, sender, "out", edit)
        self._help(domain, sender, "out")

    def _bridge_netfilter(self, domain: Domain) -> Stage | None:
        """What checks the packet before the hooks of IP see it on a bridge, None if they do not: tagged frames are left alone
        (net.bridge.bridge-nf-filter-vlan-tagged is 0)."""
        ip = outer_ip(self.packet.headers)
        called = ip is not None and self._knobs(domain, None)(BRIDGE_CALLS[4 if ip.layer is Layer.IPV4 else 6])
        return self._preset(domain).bridge_netfilter if called and self.packet.headers[0].is_ip else None

    def _prerouting(self, domain: Domain, port: Port) -> None:
        """Connection tracking, and the rules for what comes in by ``port``."""
        device = self.topology.device(port)
        gathers = any(rule.port for rule in domain.local) or any(rule.by in rewriters.GATHERING for rule in domain.nat64)
        if (domain.tracks() or gathers) and not domain.program:
            # TPROXY and Jool have fragments put together, as connection tracking has (net/netfilter/nft_tproxy.c nft_tproxy_init; Jool
            # src/mod/common/defrag.h defrag_enable).
            self._gather(domain, port)
        if domain.tracks() and not domain.program:
            self._apply(self._preset(domain).conntrack, domain, port, "in")
        self._rewrite(domain, port, "in", rewriters.IN_NETFILTER)
        ip, transport = outer_ip(self.packet.headers), outer_transport(self.packet.headers)
        assert ip is not None
        if domain.tracks() or domain.tracked:
            edit = self._destination_edit(domain, device)
            if edit is None and any(rule.by in rewriters.TRACKED for rule in domain.nat) and transport is not None and transport.quotes:
                edit = Translation()  # An ICMP error is looked at where addresses are translated, be there something to translate or not.
            if edit is not None:
                self._translate(domain, port, "in", edit)
                self._balanced = edit.by == "ipvs" and edit.for_destinations

    def _exchange(self, domain: Domain, port: Port) -> None:
        """Through a translator between IPv4 and IPv6."""
        ip = outer_ip(self.packet.headers)
        assert ip is not None
        edit = self._choose(f"what {domain.name} has in its NAT64 table", list(translating.exchanges(self.topology, domain, ip)))
        if edit is not None:
            if edit.by in rewriters.GATHERING:
                self._wait_for_rest()
            self._apply(self._preset(domain).editors[edit.by], domain, port, "in", edit)

    def _answer_to_itself(self, domain: Domain, port: Port) -> None:
        """The answer to what this host has sent, and a rule of its own sent elsewhere, gets back the address that was asked (LOCAL_IN)."""
        ip, own = outer_ip(self.packet.headers), domain.loopback
        if ip is None or own is None or port.device == own.name:
            return
        edit = translating.translate_source(domain, own, ip, outer_transport(self.packet.headers))
        if edit is not None and edit.for_destinations:
            self._translate(domain, port, "in", edit)

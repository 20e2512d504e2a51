"""The walk: one packet of a class from its origin through the modelled host to its end, a table at every step.

The driver is the same for both interpreters; what it needs of a packet is the Packet protocol. It decides where a packet goes with
``topology/forward.py``, applies the preset's table for what happens there, and writes down hops. It judges nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from csumlab.facts import FragmentRole
from csumlab.headers import Layer
from csumlab.machine import Packet, Translation, exceeds
from csumlab.operations import ECN
from csumlab.outer import Outer
from csumlab.packet import Header, Span, exactly, outer_ip, outer_transport
from csumlab.stage import Stage
from csumlab.stages import answers, hooks, linux_older, nic, programs, readers, rewriters, tunnels
from csumlab.stages.datagrams import SUMMED
from csumlab.state import Bare
from csumlab.symbolic.sums import Untold
from csumlab.topology import forward, stacking, translating
from csumlab.topology.model import CARRIAGES, NO_DEVICES, DeviceKind, Domain, Port
from csumlab.topology.options import BRIDGE_CALLS, UFO, options_of
from csumlab.topology.rules import Copy
from csumlab.trace import Fate, Fault, Trace
from csumlab.walking.connections import Connections
from csumlab.walking.links import TAKING_FRAMES
from csumlab.walking.places import Copied, Ended


@dataclass
class Walker(Connections):
    """A walk up and down the stacks of domains, through their tunnels."""

    def run(self, origin: Domain, packet: Packet) -> Trace:
        """Walk ``packet`` from ``origin``: from its socket, or if it is the outside from the wire. Raises Undecided, Undetermined,
        Misfit."""
        self.packet, self.state = packet, Bare()
        try:
            ip = outer_ip(packet.headers)
            if ip is None or ip.destination is None:
                raise Ended(Fate.UNTOLD, "there is no IP header")
            device, hop = self._way_out(origin, ip)
            sender = Port(origin.name, device.name)
            try:
                if origin.outside:
                    self.packet = packet.from_wire()
                    self._cross(sender, self._stop(sender, hop, ip.destination), hop, from_wire=True)
                else:
                    self._send(origin, sender, hop)
            except Copied as one:
                self._send_copy(one.domain, one.rule)
        except Ended as end:
            return self._trace(origin, end.fate, end.why)
        except (Untold, forward.Unreachable) as end:
            return self._trace(origin, Fate.UNTOLD, end.reason)
        raise AssertionError("a walk ends by an ending")

    def _trace(self, origin: Domain, fate: Fate, why: str) -> Trace:
        return Trace(origin.name, tuple(self.hops), fate, why, self.tap, dict(self.choices))

    def _send(self, domain: Domain, sender: Port, hop: Span) -> None:
        """A packet of a local socket."""
        self._leave_whole(domain, sender)
        if self.finished is not None:
            self.state, self.finished = self.finished, None
        else:
            self._apply(answers.RESET if self.refuses else self._preset(domain).sender, domain, sender)
            self.refuses = False
        ip, own = outer_ip(self.packet.headers), domain.loopback
        edit = self._destination_edit(domain, own) if ip is not None and own is not None and domain.tracked else None
        if edit is not None and self._is_for_what_is_sent(domain, edit):
            # A rule in OUTPUT; the packet is routed again (net/netfilter/nf_nat_proto.c nf_nat_ipv4_local_fn, ip_route_me_harder).
            self._translate(domain, sender, "out", edit)
            device, hop = forward.route(domain, _destination(self.packet))
            sender = Port(domain.name, device.name)
        self._output(domain, sender, hop, own=True)

    def _is_for_what_is_sent(self, domain: Domain, edit: Translation) -> bool:
        """Whether a rule in OUTPUT is for the packet. One that sends packets to the host itself is not for what its own proxy sends, nor
        for answers, which the capture does not tell."""
        if edit.destination is None or not forward.is_looped(edit.destination):
            return True
        there = f"a rule of {domain.name} sends it to {domain.name} itself"
        return self._decide(f"whether {there}", ("no rule sends it elsewhere", there)) == there

    def _send_copy(self, domain: Domain, rule: Copy) -> None:
        """A copy, to whoever looks at copies at the other end of its device: there its way ends."""
        ip = outer_ip(self.packet.headers)
        assert ip is not None
        self._apply(hooks.MIRROR, domain, Port(domain.name, rule.device), rule.way)
        self._copy = ip.uid
        sender, destination = Port(domain.name, rule.to), _destination(self.packet)
        if self.topology.device(sender).kind in CARRIAGES:
            self._enter_tunnel(domain, sender, destination, forwarded=True)
            return
        reached = list(forward.segment(self.topology, sender))
        ends = [port for port in reached if self._watches(port)] or reached
        if len(ends) != 1:
            raise Ended(Fate.UNTOLD, f"{'several ports' if ends else 'no port'} at the other end of {sender} may look at copies")
        self._cross(sender, ends[0], destination)

    def _leave_whole(self, domain: Domain, sender: Port) -> None:
        """A datagram of a local socket of a kernel that leaves some whole which are longer than the MTU."""
        stage, device, ip = self._preset(domain).large_datagram, self.topology.device(sender), outer_ip(self.packet.headers)
        if stage is None or ip is None or ip.fragment is not FragmentRole.WHOLE or not self._is_udp(outer_transport(self.packet.headers)):
            return
        offered = device.kind not in NO_DEVICES and self._features(domain, sender)(UFO)
        if self.packet.long or (offered and exceeds(self.packet, self._mtu(sender))):
            words = (SUMMED,) if self.finished is not None else ()
            self._apply(stage, domain, sender, mtu=device.mtu, words=words)

    def _output(self, domain: Domain, sender: Port, hop: Span, own: bool = False, forwarded: bool = False) -> None:
        """POSTROUTING, then out by ``sender``; of an ``own`` packet to everybody perhaps back to the sockets here. ``forwarded`` is what
        somebody else has sent, and no tunnel of this host put into another packet."""
        self._postrouting(domain, sender)
        looped_back = self._own_copy(domain, sender) if own else None
        if looped_back is not None:
            # The kernel finds the connection that it has just tracked, and looks no further (nf_conntrack_in: previously seen).
            self._apply(looped_back, domain, sender)
            self._rewrite(domain, sender, "in", rewriters.IN_NETFILTER)
            self._input(domain, sender, hooked=True)
            return
        if self.topology.device(sender).kind not in NO_DEVICES:
            if 0 < self._mtu(sender) < self.packet.undivided:
                # The fragments that a super-frame holds do not fit: they are made now, and cut again (ip_finish_output_gso).
                self._segment(domain)
            self._cut(self._preset(domain).fragmentation, domain, sender, sender, "out")
        self._leave(domain, sender, hop, forwarded)

    def _leave(self, domain: Domain, sender: Port, hop: Span, forwarded: bool) -> None:
        """Out by ``sender``, behind the hooks."""
        device, destination = self.topology.device(sender), _destination(self.packet)
        if device.kind in CARRIAGES:
            self._enter_tunnel(domain, sender, hop, forwarded)
            return
        if device.routed and self.topology.owners.get(destination) not in forward.segment(self.topology, sender):
            self._route_below(domain, sender, destination)
            return
        self._cross(sender, self._stop(sender, destination if device.routed else hop, destination), hop)

    def _route_below(self, domain: Domain, sender: Port, destination: Span) -> None:
        """Out by an ipvlan in a mode of layer 3: the IP stack of the device below sends the packet as if it were its own
        (ipvlan_process_v4_outbound)."""
        device = self.topology.device(sender)
        below = stacking.below(sender, device)
        owner = self.topology.domains[below.domain]
        self._egress(domain, sender)
        self._tap(sender, "out")
        if self._to_everybody():
            raise Ended(Fate.DROPPED, f"an ipvlan in mode {device.mode} sends nothing to everybody (ipvlan_process_outbound)")
        if stacking.kept_apart(self.topology, sender, destination):
            raise Ended(Fate.DROPPED, "the other ipvlan is on the same device, and they are private (ipvlan_xmit_mode_l3)")
        self._apply(self._preset(domain).stacked[device.kind][3], domain, sender, "out")
        if forward.is_local(owner, destination):
            raise Ended(Fate.UNTOLD, f"what {sender} sends to {owner.name} itself goes over its loopback, which is not followed")
        self._output(owner, below, forward.next_hop(owner, self.topology.device(below), destination))

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

    def _postrouting(self, domain: Domain, sender: Port) -> None:
        """The rules for what leaves by ``sender``."""
        device = self.topology.device(sender)
        ip, transport = outer_ip(self.packet.headers), outer_transport(self.packet.headers)
        if self._is_udp(transport) and options_of(device)["checksum-fill"]:
            self._apply(hooks.CHECKSUM_TARGET, domain, sender, "out")
        self._rewrite(domain, sender, "out", rewriters.IN_NETFILTER)
        if ip is not None and domain.tracked:
            edit = translating.translate_source(domain, device, ip, transport)
            if edit is not None:
                self._translate(domain, sender, "out", edit)
        self._help(domain, sender, "out")

    def _cross(
        self, sender: Port, target: Port, next_hop: Span, from_wire: bool = False, inward: bool = False, redirected: bool = False
    ) -> None:
        """Across a segment, from ``sender`` to ``target``, and up the stack there. ``inward``: out of the tunnel that ``sender`` is.
        ``redirected``: a program hands the frame to the driver of ``sender``."""
        steps = self._steps(sender, target, inward)
        if self.topology.device(sender).kind is DeviceKind.BRIDGE:
            domain = self.topology.domains[sender.domain]
            self._egress(domain, sender)
            self._tap(sender, "out")
        if from_wire:
            self._wrap_outside(steps)
        hooked = False
        for step, leaving in zip(steps, (*(later.port for later in steps[1:]), None), strict=True):
            domain = self.topology.domains[step.port.domain]
            if step.port == step.peer:
                if self.topology.device(step.port).kind is DeviceKind.LOOPBACK:
                    self._egress(domain, step.port)
                    self._tap(step.port, "out")
                    self._apply(hooks.LOOPED, domain, step.port)
                    # The kernel finds the connection that it has just tracked, and looks no further.
                    hooked = True
                    self._tap(step.port, "in")
                    continue
                self._tap(step.peer, "in")
                self._copies(domain, step.peer, "in")
                self._rewrite(domain, step.peer, "in", rewriters.AT_DEVICE)
                hooked = self._cross_bridge(step, target, leaving)
                continue
            if step.turned:
                self._copies(domain, step.port, "out")
                self._rewrite(domain, step.port, "out", rewriters.AT_DEVICE)
                self._detour(domain, step.port, "out")
                continue
            if forward.carries_frames(self.topology.device(step.port)):
                self._enter_tunnel(domain, step.port, next_hop)
                return
            if step.upper is not None:
                self._hand(step, from_wire)
                if step.upper == step.peer or (step.across and step.peer == target):
                    hooked = self._cross_bridge(step, target, leaving)
                continue
            if step.wrapping is not None:
                self._wrap(step, domain, from_wire)
                if step.wrapping == step.peer:
                    hooked = self._cross_bridge(step, target, leaving)
                continue
            if self.topology.device(step.port).kind is DeviceKind.MACVTAP:
                self._tap(step.port, "in")
                self._virtio(self._preset(domain).macvtap_deliver, domain, step.port, "in")
            elif not from_wire and not redirected:
                self._egress(domain, step.port)
                self._tap(step.port, "out")
            self._link(step.port, step.peer, from_wire)
            from_wire, redirected = False, step.redirected
            if self._is_forwarded_by_program(step.peer):
                self._forward_by_program(step.peer)
                return
            if redirected:
                native = self.topology.device(step.peer).native_xdp
                redirect = hooks.XDP_REDIRECT if native else hooks.XDP_GENERIC_REDIRECT
                self._apply(redirect, self.topology.domains[step.peer.domain], step.peer, "in")
                continue
            if self.topology.device(step.peer).kind is DeviceKind.MACVTAP:
                there = self.topology.domains[step.peer.domain]
                self._egress(there, step.peer)
                self._tap(step.peer, "out")
                continue
            if not self.topology.device(step.peer).feeds_reader or not self._is_read(step.peer):
                there = self.topology.domains[step.peer.domain]
                self._tap(step.peer, "in")
                self._copies(there, step.peer, "in")
                self._rewrite(there, step.peer, "in", rewriters.AT_DEVICE)
                self._detour(there, step.peer, "in")
                if step.diverted:
                    continue
                self._by_program(programs.PROGRAM_TAKES, there, step.peer, "in")
            hooked = self._cross_bridge(step, target, leaving)
        if forward.leads_away(self.topology.device(target)):
            self._enter_tunnel(self.topology.domains[target.domain], target, next_hop)
            return
        self._input(self.topology.domains[target.domain], target, hooked)

    def _forward_by_program(self, port: Port) -> None:
        """An XDP program at ``port`` sends the frame on, past the host's stack."""
        domain, destination = self.topology.domains[port.domain], _destination(self.packet)
        self._apply(hooks.XDP_FORWARD, domain, port, "in")
        leaving, hop = forward.route(domain, destination)
        if leaving.kind not in TAKING_FRAMES:
            raise Ended(Fate.UNTOLD, f"{leaving.name}, a {leaving.kind.value}, takes no frames of an XDP program (ndo_xdp_xmit)")
        sender = Port(domain.name, leaving.name)
        self._cross(sender, self._stop(sender, hop, destination), hop, redirected=True)

    def _cross_bridge(self, step: forward.Step, target: Port, leaving: Port | None) -> bool:
        """Whether the packet has come to ``target``, a bridge, and has been through PREROUTING by then (net/bridge/br_netfilter_hooks.c
        br_nf_pre_routing, ip_sabotage_in). ``leaving`` is the port that it leaves the bridge by, None if it is a tunnel or nothing."""
        if not step.bridge:
            return False
        there = self.topology.domains[step.peer.domain]
        bridge = Port(there.name, step.bridge)
        checks = self._bridge_netfilter(there)
        if checks is not None:
            self._apply(checks, there, bridge, "in")
            self._prerouting(there, bridge)
        if bridge == target:
            self._tap(bridge, "in")
            return checks is not None
        self._apply(self._preset(there).bridge, there, bridge)
        if checks is not None:
            self._postrouting(there, bridge)
        if leaving is not None:
            self._cut(self._preset(there).bridge_fragmentation, there, bridge, leaving)
        return False

    def _bridge_netfilter(self, domain: Domain) -> Stage | None:
        """What checks the packet before the hooks of IP see it on a bridge, None if they do not: tagged frames are left alone
        (net.bridge.bridge-nf-filter-vlan-tagged is 0)."""
        ip = outer_ip(self.packet.headers)
        called = ip is not None and self._knobs(domain, None)(BRIDGE_CALLS[4 if ip.layer is Layer.IPV4 else 6])
        return self._preset(domain).bridge_netfilter if called and self.packet.headers[0].is_ip else None

    def _read(self, domain: Domain, port: Port) -> None:
        """A program takes the packet: its way ends here."""
        self._apply(readers.READER, domain, port, "in")
        if not self.hops[-1].row.does:
            raise Ended(Fate.WAITING, "the datagram is whole only in another packet")
        raise Ended(Fate.ACCEPTED, self.hops[-1].row.because)

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

    def _input(self, domain: Domain, port: Port, hooked: bool = False) -> None:
        """IP input on ``port``: PREROUTING unless the packet has been there (``hooked``), then delivery or forwarding."""
        preset = self._preset(domain)
        device = self.topology.device(port)
        ip = outer_ip(self.packet.headers)
        if ip is not None and ip.uid == self._copy:
            if self._is_read(port) and not self._watches(port):
                self._read(domain, port)
            raise Ended(Fate.COPIED, "a copy goes no further than to who looks at it")
        if device.feeds_reader and self._is_read(port):
            self._apply(readers.XDP_SOCKET, domain, port, "in")
            self._read(domain, port)
        known = self._by_flowtable(domain, port)
        if known is not None:
            self._leave(domain, *known, forwarded=True)
            return
        self._apply(preset.input, domain, port, "in")
        if not hooked:
            self._prerouting(domain, port)
        self._exchange(domain, port)
        self._routed(domain, port, hooked)

    def _routed(self, domain: Domain, port: Port, hooked: bool = False) -> None:
        """What routing says: on to the next segment, delivery, or forwarding. ``hooked`` as for :meth:`_input`."""
        preset, destination = self._preset(domain), _destination(self.packet)
        words, self._balanced = (linux_older.BALANCED,) if self._balanced else (), False
        if any(destination == exactly(text) for text in domain.segments):
            self._next_segment(domain, port, destination)
            return
        taker = stacking.taken_by_address(self.topology, port, destination, behind_routing=True)
        if taker is not None:
            there = self.topology.domains[taker.domain]
            self._apply(self._preset(there).stacked[DeviceKind.IPVLAN][1], there, taker, "in")
            self._deliver(there, taker)
            return
        onward = self._routed_on(domain, port, destination)
        if onward is not None:
            assert preset.multicast_forward is not None
            self._apply(preset.multicast_forward, domain, onward)
            self._output(domain, onward, destination)
            return
        if self._is_here(domain, port, destination):
            if self._is_read(port) and not self._watches(port):
                self._read(domain, port)
            self._deliver(domain, port)
            return
        if not domain.forwarding:
            whose = destination.named("the destination")
            raise Ended(Fate.DROPPED, f"{domain.name} does not forward (net.ipv4.ip_forward is 0) and {whose} is not its address")
        leaving, hop = forward.route(domain, destination)
        if hooked and leaving.name == port.device:
            raise Ended(Fate.UNTOLD, "a packet that bridge netfilter sends back into its bridge is not followed")
        if leaving.kind is not DeviceKind.SEG6:
            self._apply(preset.forward, domain, Port(domain.name, leaving.name), words=words)
        self._output(domain, Port(domain.name, leaving.name), hop, forwarded=True)

    def _next_segment(self, domain: Domain, port: Port, segment: Span) -> None:
        """A segment of this host, which is not the last: routed again with the next one as the destination (net/ipv6/seg6_local.c)."""
        preset, ip = self._preset(domain), outer_ip(self.packet.headers)
        assert preset.segment is not None
        assert ip is not None
        after = forward.following(self.topology, segment, ip.source)
        if after is None:
            raise Ended(Fate.UNTOLD, f"no policy of the topology says which segment comes behind {segment}")
        others = (device for device in domain.devices.values() if device.kind is not DeviceKind.SEG6)
        via = domain.neighbour(segment)
        here = ("leads-here",) if via is None and any(after in device.spans for device in others) else ()
        behind = self.packet.headers[self.packet.headers.index(ip) + 1 :]
        routed = () if behind and behind[0].layer is Layer.EXTENSION else ("no-segments",)
        self._apply(preset.segment, domain, port, "in", Translation(destination=after), words=(*here, *routed))
        if via is not None:
            self._hand_on(domain, via)
            return
        self._routed(domain, port)

    def _hand_on(self, domain: Domain, via: Span) -> None:
        """To a neighbour, wherever the packet is for: it is forwarded as if routing had said so (net/ipv6/seg6_local.c
        seg6_lookup_nexthop, input_action_end_dx4; a packet of the other version than is taken out is dropped)."""
        if via.version != _destination(self.packet).version:
            raise Ended(Fate.DROPPED, f"this segment takes out packets of IPv{via.version} only (decap_and_validate)")
        leaving, _ = forward.route(domain, via)
        self._apply(self._preset(domain).forward, domain, Port(domain.name, leaving.name))
        self._output(domain, Port(domain.name, leaving.name), via, forwarded=True)

    def _is_udp(self, transport: Header | None) -> bool:
        return transport is not None and transport.layer is Layer.UDP

    def _answer_to_itself(self, domain: Domain, port: Port) -> None:
        """The answer to what this host has sent, and a rule of its own sent elsewhere, gets back the address that was asked (LOCAL_IN)."""
        ip, own = outer_ip(self.packet.headers), domain.loopback
        if ip is None or own is None or port.device == own.name:
            return
        edit = translating.translate_source(domain, own, ip, outer_transport(self.packet.headers))
        if edit is not None and edit.for_destinations:
            self._translate(domain, port, "in", edit)

    def _deliver(self, domain: Domain, port: Port) -> None:
        """Local delivery: the transport checks, then a tunnel end takes its header off and the inner packet goes on."""
        preset = self._preset(domain)
        self._gather(domain, port)
        self._answer_to_itself(domain, port)
        self._help(domain, port, "in")
        self._apply(preset.receive, domain, port, "in", socket=True, words=self._of_no_sum(domain))
        self._wait_for_rest()
        kind, tunnel = self._tunnel_end(domain)
        if kind is None or (tunnel is None and not domain.outside and not CARRIAGES[kind].sealed):
            raise Ended(Fate.ACCEPTED, self.hops[-1].row.because)
        handed_on = preset.ecn if CARRIAGES[kind].marks else None
        came_marked = self._mark() if handed_on is not None else ""
        taken_at = _destination(self.packet)
        leave = preset.vpn_unseal if kind is DeviceKind.VPN else preset.carrying.get(kind, (None, tunnels.DECAPSULATE))[1]
        self._apply(leave, domain, tunnel or port, "in", self._outer_addresses())
        if handed_on is not None:
            self._apply(handed_on, domain, tunnel or port, "in", came_marked=came_marked)
        if CARRIAGES[kind].sealed:
            self._fault = Fault.PROGRAM if kind is DeviceKind.VPN else Fault.MEMORY
        if tunnel is None:
            self._apply(preset.input, domain, port, "in")
            self._deliver(domain, port)
            return
        if kind is DeviceKind.SEG6:
            # What is taken out is routed at once: it passes no IP input (net/ipv6/seg6_local.c input_action_end_dt6).
            via = domain.neighbour(taken_at)
            if via is not None:
                self._hand_on(domain, via)
            else:
                self._routed(domain, port)
            return
        if CARRIAGES[kind].merges:
            self._apply(preset.gro, domain, tunnel, "in")
        next_hop = self._next_hops.pop() if self._next_hops else None
        if self.topology.device(tunnel).bridge:
            destination = _destination(self.packet)
            hop = next_hop or destination
            self._cross(tunnel, self._stop(tunnel, hop, destination, inward=True), hop, inward=True)
            return
        # Transformations have no device: what they decrypt comes in once more where it came in encrypted.
        entered = port if kind is DeviceKind.ESP else tunnel
        self._tap(entered, "in")
        self._rewrite(domain, entered, "in", rewriters.AT_DEVICE)
        self._input(domain, entered)

    def _mark(self) -> str:
        """The ECN mark of the outer IP header, where it is one that is handed on."""
        ip = outer_ip(self.packet.headers)
        return next((word for word in ("CE", "ECT(1)") if ip is not None and self.packet.marked(ip.uid, ECN[word])), "")

    def _outer_addresses(self) -> Translation | None:
        """The addresses that a packet in transport mode gets back with its header."""
        ip = outer_ip(self.packet.headers)
        return Translation(source=ip.source, destination=ip.destination) if ip is not None else None

    def _enter_tunnel(self, domain: Domain, port: Port, next_hop: Span, forwarded: bool = False) -> None:
        """Out by a tunnel device: the packet becomes the payload of another one, which this host sends. ``next_hop`` is whom the frame in
        the tunnel is for; ``forwarded`` says that somebody else has sent the packet."""
        preset, device = self._preset(domain), self.topology.device(port)
        if port in self._tunnels:
            raise Ended(Fate.UNTOLD, f"the packets of tunnel {port} are routed into it again")
        self._tunnels.append(port)
        self._next_hops.append(next_hop)
        if device.kind not in NO_DEVICES:
            self._egress(domain, port)
            self._tap(port, "out")
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
            self._send(domain, sender, hop)
        else:
            in_card = device.kind is DeviceKind.ESP and options_of(device)["card-encrypts"]
            if in_card:
                self._apply(nic.CARD_SEAL, domain, sender, "out", outer)
            else:
                words = ("forwarded",) if forwarded else ()
                self._apply(preset.carrying[device.kind][0], domain, port, "out", outer, words=words)
            if device.kind is DeviceKind.SEG6 and forwarded:
                # It is routed as what it has become, and its hop limit is the one that counts (net/ipv6/seg6_iptunnel.c seg6_input_core).
                self._apply(preset.forward, domain, sender)
            self._output(domain, sender, hop)


def _destination(packet: Packet) -> Span:
    ip = outer_ip(packet.headers)
    if ip is None or ip.destination is None:
        raise Ended(Fate.UNTOLD, "there is no IP header")
    return ip.destination

"""The walk: one packet of a class from its origin through the modelled host to its end, a table at every step.

The driver is the same for both interpreters; what it needs of a packet is the Packet protocol. It decides where a packet goes with
``topology/ways.py`` and ``topology/forward.py``, applies the preset's table for what happens there, and writes down hops. It judges
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from csumlab.headers import Layer
from csumlab.interpreting import Packet, Translation
from csumlab.packet import Span, exactly, outer_ip
from csumlab.stages import answers, hooks, linux_older, readers, rewriters
from csumlab.state import Bare
from csumlab.symbolic.sums import Untold
from csumlab.topology import forward, stacking, ways
from csumlab.topology.model import CARRIAGES, NO_DEVICES, DeviceKind, Domain, Port
from csumlab.topology.rules import Copy
from csumlab.trace import Fate, Trace
from csumlab.walking.carrying import Carrying
from csumlab.walking.crossing import Taker
from csumlab.walking.links import TAKING_FRAMES
from csumlab.walking.places import Copied, Ended


@dataclass
class Walker(Carrying):
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
        if self._sent_elsewhere(domain, sender):
            device, hop = forward.route(domain, _destination(self.packet))
            sender = Port(domain.name, device.name)
        self._output(domain, sender, hop, own=True)

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
        reached = list(ways.segment(self.topology, sender))
        ends = [port for port in reached if self._watches(port)] or reached
        if len(ends) != 1:
            raise Ended(Fate.UNTOLD, f"{'several ports' if ends else 'no port'} at the other end of {sender} may look at copies")
        self._cross(sender, ends[0], destination)

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
        if device.routed and self.topology.owners.get(destination) not in ways.segment(self.topology, sender):
            self._route_below(domain, sender, destination)
            return
        self._cross(sender, self._stop(sender, destination if device.routed else hop, destination), hop)

    def _route_below(self, domain: Domain, sender: Port, destination: Span) -> None:
        """Out by an ipvlan in a mode of layer 3: the IP stack of the device below sends the packet as if it were its own
        (ipvlan_process_v4_outbound)."""
        device = self.topology.device(sender)
        below = stacking.below(sender, device)
        owner = self.topology.domains[below.domain]
        self._go_out(sender)
        if self._to_everybody():
            raise Ended(Fate.DROPPED, f"an ipvlan in mode {device.mode} sends nothing to everybody (ipvlan_process_outbound)")
        if stacking.kept_apart(self.topology, sender, destination):
            raise Ended(Fate.DROPPED, "the other ipvlan is on the same device, and they are private (ipvlan_xmit_mode_l3)")
        route = self._preset(domain).stacked[device.kind].route
        assert route is not None
        self._apply(route, domain, sender, "out")
        if forward.is_local(owner, destination):
            raise Ended(Fate.UNTOLD, f"what {sender} sends to {owner.name} itself goes over its loopback, which is not followed")
        self._output(owner, below, forward.next_hop(owner, self.topology.device(below), destination))

    def _cross(
        self, sender: Port, target: Port, next_hop: Span, from_wire: bool = False, inward: bool = False, redirected: bool = False
    ) -> None:
        """Across a segment, from ``sender`` to ``target``, and up the stack there. ``inward``: out of the tunnel that ``sender`` is.
        ``redirected``: a program hands the frame to the driver of ``sender``."""
        taker, port, hooked = self._across(sender, target, from_wire, inward, redirected)
        domain = self.topology.domains[port.domain]
        match taker:
            case Taker.STACK:
                self._input(domain, port, hooked)
            case Taker.TUNNEL:
                self._enter_tunnel(domain, port, next_hop)
            case Taker.PROGRAM:
                self._forward_by_program(domain, port)

    def _forward_by_program(self, domain: Domain, port: Port) -> None:
        """An XDP program at ``port`` sends the frame on, past the host's stack."""
        destination = _destination(self.packet)
        self._apply(hooks.XDP_FORWARD, domain, port, "in")
        leaving, hop = forward.route(domain, destination)
        if leaving.kind not in TAKING_FRAMES:
            raise Ended(Fate.UNTOLD, f"{leaving.name}, a {leaving.kind.value}, takes no frames of an XDP program (ndo_xdp_xmit)")
        sender = Port(domain.name, leaving.name)
        self._cross(sender, self._stop(sender, hop, destination), hop, redirected=True)

    def _read(self, domain: Domain, port: Port) -> None:
        """A program takes the packet: its way ends here."""
        self._apply(readers.READER, domain, port, "in")
        if not self.hops[-1].row.does:
            raise Ended(Fate.WAITING, "the datagram is whole only in another packet")
        raise Ended(Fate.ACCEPTED, self.hops[-1].because)

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
            self._apply(self._preset(there).stacked[DeviceKind.IPVLAN].receive, there, taker, "in")
            self._deliver(there, taker)
            return
        onward = self._routed_on(domain, port, destination)
        if onward is not None:
            assert preset.multicast_forward is not None
            self._filter(domain, port)
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
        self._filter(domain, port)
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
            raise Ended(Fate.ACCEPTED, self.hops[-1].because)
        taken_at = _destination(self.packet)
        self._take_out(domain, tunnel or port, kind)
        if tunnel is None:
            self._apply(preset.input, domain, port, "in")
            self._deliver(domain, port)
        else:
            self._leave_tunnel(domain, port, tunnel, taken_at)

    def _leave_tunnel(self, domain: Domain, port: Port, tunnel: Port, taken_at: Span) -> None:
        """Out of ``tunnel``, for whose end at the address ``taken_at`` the packet came in by ``port``."""
        kind = self.topology.device(tunnel).kind
        if kind is DeviceKind.SEG6:
            # What is taken out is routed at once: it passes no IP input (net/ipv6/seg6_local.c input_action_end_dt6).
            via = domain.neighbour(taken_at)
            if via is not None:
                self._hand_on(domain, via)
            else:
                self._routed(domain, port)
            return
        if CARRIAGES[kind].merges:
            self._apply(self._preset(domain).gro, domain, tunnel, "in")
        next_hop = self._next_hops.pop() if self._next_hops else None
        if self.topology.device(tunnel).bridge:
            destination = _destination(self.packet)
            hop = next_hop or destination
            self._cross(tunnel, self._stop(tunnel, hop, destination, inward=True), hop, inward=True)
            return
        # Transformations have no device: what they decrypt comes in once more where it came in encrypted.
        entered = port if kind is DeviceKind.ESP else tunnel
        self._come_in(entered)
        self._input(domain, entered)

    def _enter_tunnel(self, domain: Domain, port: Port, next_hop: Span, forwarded: bool = False) -> None:
        """Out by a tunnel device: the packet becomes the payload of another one, which this host sends. ``next_hop`` is whom the frame in
        the tunnel is for; ``forwarded`` says that somebody else has sent the packet."""
        kind = self.topology.device(port).kind
        if port in self._tunnels:
            raise Ended(Fate.UNTOLD, f"the packets of tunnel {port} are routed into it again")
        self._tunnels.append(port)
        self._next_hops.append(next_hop)
        if kind not in NO_DEVICES:
            self._go_out(port)
        sender, hop = self._put_in(domain, port, forwarded)
        if kind is DeviceKind.VPN:
            self._send(domain, sender, hop)
            return
        if kind is DeviceKind.SEG6 and forwarded:
            # It is routed as what it has become, and its hop limit is the one that counts (net/ipv6/seg6_iptunnel.c seg6_input_core).
            self._apply(self._preset(domain).forward, domain, sender)
        self._output(domain, sender, hop)


def _destination(packet: Packet) -> Span:
    ip = outer_ip(packet.headers)
    if ip is None or ip.destination is None:
        raise Ended(Fate.UNTOLD, "there is no IP header")
    return ip.destination

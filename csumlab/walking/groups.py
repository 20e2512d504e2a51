"""Packets to everybody: of the copies that there are, one is followed. Which one is asked for, as all that a capture does not tell."""

from __future__ import annotations

from dataclasses import dataclass

from csumlab.packet import Header, Span, outer_ip
from csumlab.stage import Stage
from csumlab.topology import flooding, forward, stacking, ways
from csumlab.topology.model import Device, Domain, Port
from csumlab.trace import Fate
from csumlab.walking.links import Links
from csumlab.walking.places import Ended

_BACK = "looped back to the host that sends"


@dataclass
class Groups(Links):
    """A walk that knows who gets a copy of what is sent to everybody."""

    def _way_out(self, domain: Domain, ip: Header) -> tuple[Device, Span]:
        """The device that a domain sends a packet by, and the next hop."""
        assert ip.source is not None
        assert ip.destination is not None
        if self.topology.line is not None:
            return next(iter(domain.devices.values())), ip.destination
        if not forward.is_group(ip.destination):
            return forward.route(domain, ip.destination)
        ways = {f"sent by {domain.name}'s {name}": name for name in flooding.ways_out(domain, ip.source)}
        if not ways:
            raise forward.Unreachable(f"{domain.name} has no device to send by")
        return domain.devices[ways[self._decide(f"by which device {domain.name} sends to a group", tuple(ways))]], ip.destination

    def _stop(self, sender: Port, hop: Span, destination: Span, inward: bool = False) -> Port:
        """The port that the packet goes to on the segment of ``sender``: of several that take a copy, the one that was chosen."""
        if self.topology.line is not None or not flooding.floods(self.topology, sender, destination):
            return forward.next_stop(self.topology, sender, hop, destination, inward)
        if not ways.segment(self.topology, sender, inward):
            raise forward.Unreachable(f"nothing is connected to {sender}")
        seen_at = self.observation.port if self.observation is not None and self.tap < 0 else None
        wrapped = not self.packet.headers[0].is_ip
        found, several = flooding.takers(self.topology, sender, seen_at, inward, wrapped)
        if not found:
            raise Ended(Fate.UNTOLD, f"no copy of what {sender} sends to everybody passes {seen_at}")
        return found[self._decide(f"whose copy of what {sender} sends to everybody is followed", tuple(found), asked=several)]

    def _steps(self, sender: Port, target: Port, inward: bool) -> ways.Way:
        """The way across a segment. By which port a frame goes that passes a bond, the capture does not tell: every one is followed."""
        by: dict[Port, Port] = {}
        while True:
            steps = ways.segment(self.topology, sender, inward, by).get(target)
            if steps is None:
                raise forward.Unreachable(f"no way leads from {sender} to {target}")
            bond = next((s.upper for s in steps if s.upper and s.upper not in by and stacking.is_bundle(self.topology, s.upper)), None)
            if bond is None:
                return steps
            ports = stacking.ports_of(self.topology, bond)
            out = any(step.upper == bond == step.port for step in steps)
            does = "leaves" if out else "comes in"
            fit = {
                f"it {does} by {port}": port for port in ports if target in ways.segment(self.topology, sender, inward, {**by, bond: port})
            }
            label = f"by which port of {bond} the frame {does}"
            by[bond] = fit[self._decide(label, tuple(fit))]

    def _own_copy(self, domain: Domain, sender: Port) -> Stage | None:
        """The table that the copy goes through which the host's own sockets get of what it sends to everybody, None if another copy is
        followed or there is none. No capture point shows it: if one is still to be passed, only where the host routes the copy on."""
        ip, stage = outer_ip(self.packet.headers), self._preset(domain).looped_back
        if ip is None or ip.destination is None or stage is None or self.topology.line is not None or domain.program:
            return None
        if not flooding.floods(self.topology, sender, ip.destination):
            return None
        watched = self.observation is not None and self.tap < 0
        answers = ("sent to others", _BACK)
        possible = answers[:1] if watched and not self._onward(domain, sender, ip.destination) else answers
        chosen = self._decide(f"which copy of what {domain.name} sends to everybody is followed", possible, asked=True)
        return stage if chosen == _BACK else None

    def _routed_on(self, domain: Domain, port: Port, destination: Span) -> Port | None:
        """Where a router of groups sends on what has come in by ``port``, None if the copy is followed that is delivered there."""
        onward = self._onward(domain, port, destination)
        if not onward:
            return None
        ways = {f"delivered in {domain.name}": None, **{f"routed on by {way}": way for way in onward}}
        return ways[self._decide(f"which copy of what comes in by {port} is followed", tuple(ways))]

    def _onward(self, domain: Domain, port: Port, destination: Span) -> list[Port]:
        if not forward.is_group(destination) or forward.stays_on_its_link(destination):
            return []
        rules = (rule for rule in domain.multicast if rule.device == port.device and (not rule.group or rule.group.covers(destination)))
        return [Port(domain.name, rule.to) for rule in rules]

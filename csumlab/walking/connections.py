"""What connection tracking does with what it remembers: translation, helpers, and the flowtable."""

from __future__ import annotations

from dataclasses import dataclass, replace

from csumlab.facts import FragmentRole
from csumlab.headers import Layer
from csumlab.interpreting import Translation
from csumlab.packet import Span, outer_ip, outer_transport
from csumlab.stages.helpers import HELPERS
from csumlab.topology import forward, translating
from csumlab.topology.editing import mentions
from csumlab.topology.model import Device, Domain, Port
from csumlab.walking.groups import Groups


@dataclass
class Connections(Groups):
    """A walk through hosts that remember connections."""

    def _destination_edit(self, domain: Domain, device: Device) -> Translation | None:
        """What the connection table of ``domain`` makes of the destination of a packet that comes in by ``device``."""
        ip, transport = outer_ip(self.packet.headers), outer_transport(self.packet.headers)
        assert ip is not None
        found = list(translating.translate_destination(self.topology, domain, device, ip, transport))
        return self._choose(f"what {domain.name} has in its connection table", found)

    def _translate(self, domain: Domain, port: Port, way: str, edit: Translation) -> None:
        preset, before = self._preset(domain), self.packet.headers
        self._apply(preset.editors.get(edit.by, preset.nat), domain, port, way, edit)
        if edit.helper:
            self._seen_by_helper = mentions(edit.helper, before, self.packet.headers, way) or self._seen_by_helper

    def _help(self, domain: Domain, port: Port, way: str) -> None:
        """What a helper of connection tracking does to a packet of a connection that was translated here, where it leaves the hooks."""
        seen, self._seen_by_helper = self._seen_by_helper, None
        if seen is None:
            return
        helper, mention = HELPERS[seen.helper], Translation(mentioned=seen.mentioned)
        shift, who = replace(seen, mentioned=None), f"the {seen.helper} helper of {domain.name}"
        options: list[tuple[str, Translation | None]] = [
            (f"{who} rewrites an address in it", mention),
            (f"{who} finds nothing in it", None),
        ]
        transport = outer_transport(self.packet.headers)
        if helper.shifted and transport is not None and transport.layer is Layer.TCP:
            options.append((f"{who} shifts its sequence numbers, as it changed the length of an earlier packet", shift))
        edit = self._choose(f"what {who} does", options)
        if edit is not None:
            by = helper.by if edit is mention else "sequence"
            self._apply(self._preset(domain).editors[by], domain, port, way, edit)

    def _by_flowtable(self, domain: Domain, port: Port) -> tuple[Port, Span] | None:
        """Where the flowtable sends a packet, None if it does not know its flow. Whether it does, only run-time state tells, but it knows
        none of fragments, options, extension headers, other protocols, and leaves to IP what is too long or has no hop left
        (net/netfilter/nf_flow_table_ip.c nf_flow_tuple_ip, nf_flow_exceeds_mtu)."""
        preset, ip, transport = self._preset(domain), outer_ip(self.packet.headers), outer_transport(self.packet.headers)
        if preset.flowtable is None or preset.flowtable_nat is None or port.device not in domain.flowtable:
            return None
        if ip is None or transport is None or transport.layer not in (Layer.TCP, Layer.UDP) or not self.packet.headers[0].is_ip:
            return None
        if (
            ip.fragment is not FragmentRole.WHOLE
            or ip.extensions
            or ip.ttl_expires
            or ip.destination is None
            or forward.is_group(ip.destination)
        ):
            return None
        edit = self._destination_edit(domain, self.topology.device(port))
        destination = (edit.destination if edit else None) or ip.destination
        if self._is_here(domain, port, destination) or not domain.forwarding:
            return None
        leaving, hop = forward.route(domain, destination)
        sender = Port(domain.name, leaving.name)
        if not self.packet.long and self._mtu(sender) > 0 and ip.exceeds(self._mtu(sender)):
            return None
        table = f"the flowtable of {domain.name}"
        known = f"{table} knows its flow"
        if self._decide(f"whether {table} knows a flow", (known, f"{table} does not know its flow")) != known:
            return None
        if edit is not None:
            self._apply(preset.flowtable_nat, domain, port, "in", edit)
        ip, transport = outer_ip(self.packet.headers), outer_transport(self.packet.headers)
        source = translating.translate_source(domain, leaving, ip, transport) if ip is not None else None
        if source is not None:
            self._apply(preset.flowtable_nat, domain, sender, "out", source)
        self._apply(preset.flowtable, domain, sender)
        return sender, hop

"""Rewrites of addresses and ports that may have met a packet: from a topology's rules or from flows matched in the capture itself.

Never from all addresses that a capture holds: what explains everything explains nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

from csumlab.dissection import Dissection
from csumlab.forensics import Rewrite
from csumlab.headers import Layer
from csumlab.inet import residue

if TYPE_CHECKING:
    from csumlab.copies import Rewrite as Matched
    from csumlab.topology.model import Topology

Address = IPv4Address | IPv6Address
End = tuple[Address, int]

_MOST_INSIDE = 8
"""Hosts behind one rule that are tried."""


class Candidates:
    """Pairs of what a word may have been and what it is, by address; both directions of each."""

    def __init__(self) -> None:
        self._addresses: defaultdict[Address, dict[Address, None]] = defaultdict(dict)
        self._ends: defaultdict[End, dict[End, None]] = defaultdict(dict)

    def learn_topology(self, topology: Topology) -> None:
        """The rules of all domains: exact addresses, and for a network the hosts of the topology that lie in it."""
        for one, other, port, other_port in _rules(topology):
            self._addresses[one][other] = self._addresses[other][one] = None
            if other_port:
                self._ends[one, port][other, other_port] = self._ends[other, other_port][one, port] = None

    def learn_flows(self, matched: Iterable[Matched]) -> None:
        """Flows that were seen with other addresses or ports at another place of the capture."""
        for pair in matched:
            for old, new in (
                ((pair.old.source, pair.old.source_port), (pair.new.source, pair.new.source_port)),
                ((pair.old.destination, pair.old.destination_port), (pair.new.destination, pair.new.destination_port)),
            ):
                if old[0] != new[0]:
                    self._addresses[old[0]][new[0]] = self._addresses[new[0]][old[0]] = None
                if old[1] != new[1]:
                    self._ends[old][new] = self._ends[new][old] = None

    def of(self, data: bytes, dissection: Dissection, header: int) -> tuple[Rewrite, ...]:
        """What may have been rewritten in the IP header around header ``header``, and in its ports."""
        if not self._addresses and not self._ends:
            return ()
        ip = None
        for one in dissection.headers[: header + 1]:
            if one.layer in (Layer.IPV4, Layer.IPV6):
                ip = one
        if ip is None:
            return ()
        size, place = (4, ip.offset + 12) if ip.layer is Layer.IPV4 else (16, ip.offset + 8)
        if len(data) < place + 2 * size:
            return ()
        found: dict[Rewrite, None] = {}
        ports = dissection.headers[header].offset
        for side in range(2):
            present = ip_address(data[place + side * size : place + (side + 1) * size])
            for other in self._addresses.get(present, ()):
                found[Rewrite(_sum(other), _sum(present), True)] = None
            port = int.from_bytes(data[ports + 2 * side : ports + 2 * side + 2], "big")
            for end in self._ends.get((present, port), ()):
                found[Rewrite(end[1] % 0xFFFF, port % 0xFFFF, False)] = None
        return tuple(found)


def _sum(address: Address) -> int:
    return residue(address.packed)


def _rules(topology: Topology) -> Iterator[tuple[Address, Address, int, int]]:
    """Pairs of addresses that a rule exchanges, with the ports if it changes them too (0: it does not, or not to a known one)."""
    for domain in topology.domains.values():
        for rule in domain.nat:
            outer = [span for span in domain.devices[rule.device].spans if span.exact]
            if rule.of_destinations:
                for target in {
                    span.version: span for span in (rule.target(outer, 4), rule.target(outer, 6)) if span and span.exact
                }.values():
                    inside = _address(target.version, target.low)
                    for span in rule.wanted(outer, target.version):
                        if span.exact:
                            yield _address(span.version, span.low), inside, rule.port, rule.to_port
                continue
            external = [rule.address] if rule.address is not None and rule.address.exact else outer
            hosts = [span for span in topology.owners if span.exact and (rule.source is None or rule.source.covers(span))]
            for span in external:
                for host in [host for host in hosts if host.version == span.version and host != span][:_MOST_INSIDE]:
                    yield _address(host.version, host.low), _address(span.version, span.low), 0, 0


def _address(version: int, value: int) -> Address:
    return IPv4Address(value) if version == 4 else IPv6Address(value)

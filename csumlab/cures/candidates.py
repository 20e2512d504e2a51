"""The order in which changes are tried: the smallest first, and nearest to the cause."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from csumlab.cures.cure import Cure, with_domain
from csumlab.cures.devices import device_changes, tunnel_changes
from csumlab.cures.rules import device_rules, domain_rules
from csumlab.stage import Mended
from csumlab.topology.model import Domain, Port, Topology
from csumlab.topology.presets import PRESETS


def candidates(topology: Topology, ports: Sequence[Port], faults: Mapping[str, Collection[Mended]]) -> Iterator[Cure]:
    """Changes on the given ports, which are in the order in which they are tried: offloads, then sums of tunnels, then rules and MTUs, then
    kernels.
    ``faults``: what happened on the way in each domain that later kernels do no more."""
    inside = [port for port in dict.fromkeys(ports) if not topology.domains[port.domain].outside]
    for port in inside:
        yield from device_changes(topology, port)
    for port in inside:
        yield from tunnel_changes(topology, port)
    for name in dict.fromkeys(port.domain for port in inside):
        yield from domain_rules(topology, topology.domains[name])
    for port in inside:
        yield from device_rules(topology, port)
    domains = [domain for domain in topology.domains.values() if not domain.outside]
    met = [domain for domain in domains if faults.get(domain.name)]
    if met:
        yield _newer(topology, met, faults)
    old = [domain for domain in domains if PRESETS[domain.preset].mended_in]
    if old and old != met:
        yield _newer(topology, old, faults)


def _newer(topology: Topology, old: list[Domain], faults: Mapping[str, Collection[Mended]]) -> Cure:
    """A newer kernel in these domains, named by what mended the faults that were met; by the preset's own next version where none of them
    says so."""
    changed = topology
    for domain in old:
        changed = with_domain(changed, replace(domain, preset=PRESETS[domain.preset].mended_as))
    mends = list(dict.fromkeys(one for domain in old for one in faults.get(domain.name, ())))
    releases = [one.release for one in mends] or [PRESETS[domain.preset].mended_in for domain in old]
    names = " and ".join(domain.name for domain in old)
    return Cure(
        names,
        f"run {' and '.join(dict.fromkeys(releases))} or later in {names}",
        "boot the old kernel",
        "; ".join(["an upgrade", *(str(one) for one in mends if one.commit or one.stable)]),
        "nothing more to do",
        changed,
        typed=False,
    )

"""Rules of netfilter, what connection tracking verifies, and MTUs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from csumlab.cures.cure import Cure, with_device, with_domain
from csumlab.state import Skb
from csumlab.topology.ages import old_enough
from csumlab.topology.model import NO_DEVICES, DeviceKind, Domain, Port, Topology
from csumlab.topology.options import KNOBS, VERIFIES, options_of
from csumlab.topology.presets import PRESETS

FILL: Final = "checksum-fill"
_SAVED: Final = "rules are lost at reboot: put it where your firewall's are kept"


def domain_rules(topology: Topology, domain: Domain) -> Iterator[Cure]:
    """Whether connection tracking verifies, and a rule for what it calls INVALID; one of them, then both."""
    if not domain.tracks() or PRESETS[domain.preset].tool != "ethtool":
        return
    verifies = domain.sysctl.get(VERIFIES, KNOBS[VERIFIES])
    other = _verifying(topology, domain, not verifies)
    if not verifies:
        yield other
    if not domain.drops_invalid:
        drops = _dropping(topology, domain)
        yield drops
        if not verifies:
            yield replace(
                _dropping(other.topology, other.topology.domains[domain.name]),
                command=f"{other.command}; {drops.command}",
                undo=f"{drops.undo}; {other.undo}",
                cost=f"{other.cost}; {drops.cost}",
                lasting=f"{other.lasting}; {drops.lasting}",
            )
    if verifies:
        yield other


def _verifying(topology: Topology, domain: Domain, on: bool) -> Cure:
    summed = "every packet of a tracked connection is summed once in software unless its card did"
    return Cure(
        domain.name,
        f"sysctl -w {VERIFIES}={on:d}",
        f"sysctl -w {VERIFIES}={not on:d}",
        summed if on else "what is damaged belongs to its connection too, and is left to whoever takes it",
        f"put {VERIFIES} = {on:d} into a file of /etc/sysctl.d",
        with_domain(topology, replace(domain, sysctl={**domain.sysctl, VERIFIES: on})),
    )


def _dropping(topology: Topology, domain: Domain) -> Cure:
    """Of both IP versions where the domain has both."""
    versions = {span.version for device in domain.devices.values() for span in device.spans} or {4}
    tools = [tool for version, tool in ((4, "iptables"), (6, "ip6tables")) if version in versions]
    rule = "FORWARD -m conntrack --ctstate INVALID -j DROP"
    return Cure(
        domain.name,
        "; ".join(f"{tool} -I {rule}" for tool in tools),
        "; ".join(f"{tool} -D {rule}" for tool in tools),
        "what belongs to no connection for another reason than its sum is dropped too",
        _SAVED,
        with_domain(topology, replace(domain, drops_invalid=True)),
    )


def device_rules(topology: Topology, port: Port) -> Iterator[Cure]:
    """A rule for what leaves by a device, and its MTU."""
    domain, device = topology.domains[port.domain], topology.device(port)
    preset = PRESETS[domain.preset]
    if preset.tool != "ethtool" or device.kind in NO_DEVICES:
        return
    filling = preset.family is Skb and (old_enough(FILL, preset.until) or FILL in domain.backported)
    if filling and not domain.program and not options_of(device)[FILL]:
        rule = f"POSTROUTING -o {device.name} -p udp -j CHECKSUM --checksum-fill"
        tool = "ip6tables" if device.spans and all(span.version == 6 for span in device.spans) else "iptables"
        yield Cure(
            domain.name,
            f"{tool} -t mangle -A {rule}",
            f"{tool} -t mangle -D {rule}",
            "UDP that leaves by this device is summed in software; damage in what is forwarded is hidden by that where it is owed",
            _SAVED,
            with_device(topology, port, replace(device, options={**device.options, FILL: True})),
        )
    others = [topology.device(other).mtu for other in topology.ports]
    lasting = "it is lost at reboot: say it where the interface is brought up"
    for mtu, fits, cost in (
        (min(others), True, "packets are no longer than what is behind it takes: more of them"),
        (max(others), device.kind is not DeviceKind.NIC, "what is behind it has to take frames of that length"),
    ):
        if fits and mtu != device.mtu:
            changed = with_device(topology, port, replace(device, mtu=mtu))
            command, undo = (f"ip link set dev {device.name} mtu {number}" for number in (mtu, device.mtu))
            yield Cure(domain.name, command, undo, cost, lasting, changed)

"""Cures: the smallest changes to a host that are known to help because the class was walked again with them.

A change is offered only if the finding is gone and no other has come. A feature that is fixed is never offered.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from csumlab.stage import Mended
from csumlab.topology.features import is_on
from csumlab.topology.model import Device, DeviceKind, Domain, Port, Topology
from csumlab.topology.options import GENERIC, KNOBS, LRO, RX, SCTP, V4, V6, VERIFIES, options_of
from csumlab.topology.presets import PRESETS


@dataclass(frozen=True, slots=True)
class Cure:
    """One change that was tried. ``command`` and ``undo`` are typed in ``domain``; ``cost`` and ``lasting`` are sentences."""

    domain: str
    command: str
    undo: str
    cost: str
    lasting: str
    topology: Topology

    @property
    def typed(self) -> bool:
        """Whether ``command`` is one for a shell, and not an upgrade."""
        return not self.command.startswith("run ")

    def __str__(self) -> str:
        return f"in {self.domain}: {self.command}"


def candidates(topology: Topology, ports: list[Port], faults: Mapping[str, Collection[Mended]]) -> Iterator[Cure]:
    """Changes on the given ports, nearest to the cause first, then of tunnels, then of kernels. ``faults``: what happened on the way in
    each domain that later kernels do no more."""
    for port in dict.fromkeys(ports):
        yield from _device_changes(topology, port)
    for port in dict.fromkeys(ports):
        domain = topology.domains[port.domain]
        if domain.tracks() and not domain.sysctl.get(VERIFIES, KNOBS[VERIFIES]):
            yield Cure(
                domain.name,
                f"sysctl -w {VERIFIES}=1",
                f"sysctl -w {VERIFIES}=0",
                "every packet of a tracked connection is summed once in software unless its card did",
                f"put {VERIFIES} = 1 into a file of /etc/sysctl.d",
                _with_domain(topology, replace(domain, sysctl={**domain.sysctl, VERIFIES: True})),
            )
    inside = [domain for domain in topology.domains.values() if not domain.outside]
    met = [domain for domain in inside if faults.get(domain.name)]
    if met:
        yield _newer(topology, met, faults)
    old = [domain for domain in inside if PRESETS[domain.preset].mended_in]
    if old and old != met:
        yield _newer(topology, old, faults)


def _device_changes(topology: Topology, port: Port) -> Iterator[Cure]:
    domain, device = topology.domains[port.domain], topology.device(port)
    if domain.outside:
        return
    preset = PRESETS[domain.preset]
    fixed = preset.fixed.get(device.kind, frozenset())
    peer = topology.device(device.peer) if device.peer else None
    there = topology.domains[device.peer.domain] if device.peer else None
    loose = [name for name in (GENERIC, V4, V6, SCTP) if name not in fixed and is_on(domain, device, peer, name, there)]
    if loose and not any(name in fixed and is_on(domain, device, peer, name, there) for name in (GENERIC, V4)):
        features = {**device.features, **dict.fromkeys(loose, False)}
        yield Cure(
            domain.name,
            f"ethtool -K {device.name} tx off",
            f"ethtool -K {device.name} tx on",
            "sums are made in software, and segmentation offload (TSO) of this device ends with it",
            "ethtool settings are lost at reboot: repeat it where the interface is brought up",
            _with_device(topology, port, replace(device, features=features)),
        )
    merging = is_on(domain, device, peer, LRO, there)
    has_ethtool = preset.name.startswith("linux")
    if merging and has_ethtool:
        yield Cure(
            domain.name,
            f"ethtool -K {device.name} lro off",
            f"ethtool -K {device.name} lro on",
            "segments are merged by the kernel, not by the card",
            "ethtool settings are lost at reboot: repeat it where the interface is brought up",
            _with_device(topology, port, replace(device, features={**device.features, LRO: False})),
        )
    speaking = (device.kind is DeviceKind.VETH and preset.mended_in) or (device.card and has_ethtool and not merging)
    if speaking and is_on(domain, device, peer, RX, there):
        yield Cure(
            domain.name,
            f"ethtool -K {device.name} rx off",
            f"ethtool -K {device.name} rx on",
            "what comes in there is summed in software",
            "ethtool settings are lost at reboot: repeat it where the interface is brought up",
            _with_device(topology, port, replace(device, features={**device.features, RX: False})),
        )
    if device.kind in (DeviceKind.VXLAN, DeviceKind.GENEVE) and options_of(device)["udpcsum"]:
        kind = device.kind.value
        yield Cure(
            domain.name,
            f"ip link set dev {device.name} type {kind} noudpcsum",
            f"ip link set dev {device.name} type {kind} udpcsum",
            "the outer packet has no checksum; the inner one still has its own",
            "set it where the tunnel is made",
            _with_device(topology, port, replace(device, options={**device.options, "udpcsum": False})),
        )


def _newer(topology: Topology, old: list[Domain], faults: Mapping[str, Collection[Mended]]) -> Cure:
    """A newer kernel in these domains, named by what mended the faults that were met; by the preset's own next version where none of them
    says so."""
    changed = topology
    for domain in old:
        changed = _with_domain(changed, replace(domain, preset=PRESETS[domain.preset].mended_as))
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
    )


def _with_device(topology: Topology, port: Port, device: Device) -> Topology:
    domain = topology.domains[port.domain]
    return _with_domain(topology, replace(domain, devices={**domain.devices, device.name: device}))


def _with_domain(topology: Topology, domain: Domain) -> Topology:
    return replace(topology, domains={**topology.domains, domain.name: domain})

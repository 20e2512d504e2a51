"""Cures: the smallest changes to a host that are known to help because the class was walked again with them.

A change is offered only if the finding is gone and no other has come. A feature that is fixed is never offered.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

from csumlab.stage import Mended
from csumlab.topology.features import is_on
from csumlab.topology.model import Device, DeviceKind, Domain, Port, Topology
from csumlab.topology.options import GENERIC, GRO, GRO_LIST, KNOBS, LRO, RX, SCTP, V4, V6, VERIFIES, options_of
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
    """Changes on the given ports in their order, then tunnels without outer sums, then kernels. ``faults``: what happened on the way in
    each domain that later kernels do no more."""
    for port in dict.fromkeys(ports):
        yield from _device_changes(topology, port)
    for port in dict.fromkeys(ports):
        yield from _without_outer_sum(topology, port)
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


class _Switch(NamedTuple):
    off: str
    on: str
    lasting: str


_IFCONFIG = {"tx": ("txcsum", "txcsum6"), "rx": ("rxcsum", "rxcsum6"), "lro": ("lro",)}
"""The words of FreeBSD's ifconfig(8) by ethtool's short ones."""


def _switch(tool: str, name: str, word: str) -> _Switch | None:
    """How an offload of the device ``name`` is switched off and on; None where no command for it is known. ``word`` is ethtool's."""
    if tool == "ethtool":
        lasting = "ethtool settings are lost at reboot: repeat it where the interface is brought up"
        return _Switch(f"ethtool -K {name} {word} off", f"ethtool -K {name} {word} on", lasting)
    if tool == "ifconfig" and word in _IFCONFIG:
        words = _IFCONFIG[word]
        lasting = f"it is lost at reboot: put the words into ifconfig_{name} of /etc/rc.conf"
        return _Switch(f"ifconfig {name} -{' -'.join(words)}", f"ifconfig {name} {' '.join(words)}", lasting)
    return None


def _device_changes(topology: Topology, port: Port) -> Iterator[Cure]:
    domain, device = topology.domains[port.domain], topology.device(port)
    if domain.outside:
        return
    preset = PRESETS[domain.preset]
    fixed = preset.fixed.get(device.kind, frozenset())
    peer = topology.device(device.peer) if device.peer else None
    there = topology.domains[device.peer.domain] if device.peer else None
    if preset.tool == "powershell":
        yield from _of_windows(topology, port)
        return
    switch = partial(_switch, preset.tool, device.name)
    loose = [name for name in (GENERIC, V4, V6, SCTP) if name not in fixed and is_on(domain, device, peer, name, there)]
    bound = any(name in fixed and is_on(domain, device, peer, name, there) for name in (GENERIC, V4))
    if loose and not bound and (command := switch("tx")) is not None:
        features = {**device.features, **dict.fromkeys(loose, False)}
        yield Cure(
            domain.name,
            command.off,
            command.on,
            "sums are made in software, and segmentation offload (TSO) of this device ends with it",
            command.lasting,
            _with_device(topology, port, replace(device, features=features)),
        )
    merging = is_on(domain, device, peer, LRO, there)
    gathering = (
        (LRO, "lro", "segments are merged by the kernel, not by the card"),
        (GRO_LIST, GRO_LIST, "datagrams are sent on one by one"),
        (GRO, "gro", "packets are no longer merged: more work for each"),
    )
    for feature, word, cost in gathering:
        if is_on(domain, device, peer, feature, there) and (command := switch(word)) is not None:
            yield Cure(
                domain.name,
                command.off,
                command.on,
                cost,
                command.lasting,
                _with_device(topology, port, replace(device, features={**device.features, feature: False})),
            )
    speaking = (device.kind is DeviceKind.VETH and preset.mended_in) or (device.card and not merging)
    if speaking and is_on(domain, device, peer, RX, there) and (command := switch("rx")) is not None:
        yield Cure(
            domain.name,
            command.off,
            command.on,
            "what comes in there is summed in software",
            command.lasting,
            _with_device(topology, port, replace(device, features={**device.features, RX: False})),
        )


def _without_outer_sum(topology: Topology, port: Port) -> Iterator[Cure]:
    domain, device = topology.domains[port.domain], topology.device(port)
    if device.kind in (DeviceKind.VXLAN, DeviceKind.GENEVE) and options_of(device, PRESETS[domain.preset].unsummed)["udpcsum"]:
        kind = device.kind.value
        yield Cure(
            domain.name,
            f"ip link set dev {device.name} type {kind} noudpcsum",
            f"ip link set dev {device.name} type {kind} udpcsum",
            "the outer packet has no checksum; the inner one still has its own",
            "set it where the tunnel is made",
            _with_device(topology, port, replace(device, options={**device.options, "udpcsum": False})),
        )


def _of_windows(topology: Topology, port: Port) -> Iterator[Cure]:
    """What PowerShell switches off, of what the driver makes and of what it checks."""
    domain, device = topology.domains[port.domain], topology.device(port)
    peer = topology.device(device.peer) if device.peer else None
    there = topology.domains[device.peer.domain] if device.peer else None
    changed = [name for name in (V4, V6, RX) if is_on(domain, device, peer, name, there)]
    if changed:
        yield Cure(
            domain.name,
            f"Disable-NetAdapterChecksumOffload -Name {device.name}",
            f"Enable-NetAdapterChecksumOffload -Name {device.name}",
            "sums are made and checked by the stack, and large sends end with it",
            "it is kept over a reboot",
            _with_device(topology, port, replace(device, features={**device.features, **dict.fromkeys(changed, False)})),
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

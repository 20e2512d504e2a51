"""What can be switched on one device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Final, NamedTuple

from csumlab.cures.cure import AT_REBOOT, Cure, with_device
from csumlab.topology.features import is_on
from csumlab.topology.model import Device, DeviceKind, Domain, Port, Topology
from csumlab.topology.options import GENERIC, GRO, GRO_LIST, LRO, RX, SCTP, TSO4, TSO6, V4, V6, options_of
from csumlab.topology.presets import PRESETS


class _Switch(NamedTuple):
    off: str
    on: str
    lasting: str


_ETHTOOL: Final = ("tso", "tx", "rx", "lro", "gro", GRO_LIST)
_IFCONFIG: Final = {"tx": ("txcsum", "txcsum6"), "rx": ("rxcsum", "rxcsum6"), "lro": ("lro",), "gro": ("lro",), "tso": ("tso",)}
"""The words of FreeBSD's ifconfig(8) by ethtool's short ones; what merges there in software is called LRO too (tcp_lro.c)."""
_POWERSHELL: Final = {"tso": "Lso", "lro": "Rsc", "sums": "ChecksumOffload"}
"""What Windows' Disable-NetAdapter and Enable-NetAdapter are followed by; sums that are made and those that are checked go together."""
_REMAKE: Final = "the kernel changes it on no tunnel that is there: its addresses, routes and bridge are to be put back, ID is its own"
"""drivers/net/vxlan/vxlan_core.c vxlan_nl2conf ("Cannot change UDP_CSUM flag"); drivers/net/geneve.c geneve_nl2info."""


def _switch(tool: str, name: str, word: str) -> _Switch | None:
    """How an offload of the device ``name`` is switched off and on; None where no command for it is known. ``word`` is ethtool's."""
    if tool == "ethtool" and word in _ETHTOOL:
        return _Switch(f"ethtool -K {name} {word} off", f"ethtool -K {name} {word} on", AT_REBOOT)
    if tool == "ifconfig" and word in _IFCONFIG:
        words = _IFCONFIG[word]
        lasting = f"it is lost at reboot: put the words into ifconfig_{name} of /etc/rc.conf"
        return _Switch(f"ifconfig {name} -{' -'.join(words)}", f"ifconfig {name} {' '.join(words)}", lasting)
    if tool == "powershell" and word in _POWERSHELL:
        switched = f"NetAdapter{_POWERSHELL[word]} -Name {name}"
        return _Switch(f"Disable-{switched}", f"Enable-{switched}", "it is kept over a reboot")
    return None


def device_changes(topology: Topology, port: Port) -> Iterator[Cure]:
    """Of an offload of the device at ``port``, the smallest change first."""
    domain, device = topology.domains[port.domain], topology.device(port)
    preset = PRESETS[domain.preset]
    peer = topology.device(device.peer) if device.peer else None
    there = topology.domains[device.peer.domain] if device.peer else None
    has = partial(is_on, domain, device, peer, there=there)
    fixed = preset.fixed.get(device.kind, frozenset())

    def without(word: str, features: Mapping[str, bool], cost: str) -> Iterator[Cure]:
        command = _switch(preset.tool, device.name, word)
        if command is not None:
            changed = with_device(topology, port, replace(device, features={**device.features, **features}))
            yield Cure(domain.name, command.off, command.on, cost, command.lasting, changed)

    cutting = [name for name in (TSO4, TSO6) if name not in fixed and has(name)]
    if cutting:
        yield from without("tso", dict.fromkeys(cutting, False), "the kernel cuts what is sent into segments, not the device")
    loose = [name for name in (GENERIC, V4, V6, SCTP) if name not in fixed and has(name)]
    bound = any(name in fixed and has(name) for name in (GENERIC, V4))
    if loose and not bound:
        cost = "sums are made in software, and segmentation offload (TSO) of this device ends with it"
        yield from without("tx", dict.fromkeys(loose, False), cost)
    together = [name for name in (V4, V6, RX) if name not in fixed and has(name)]
    if together:
        cost = "sums are made and checked by the stack, and large sends end with it"
        yield from without("sums", dict.fromkeys(together, False), cost)
    gathering = (
        (LRO, "lro", "segments are merged by the kernel, not by the card"),
        (GRO_LIST, GRO_LIST, "datagrams are sent on one by one"),
        (GRO, "gro", "packets are no longer merged: more work for each"),
    )
    for feature, word, cost in gathering:
        if has(feature):
            yield from without(word, {feature: False}, cost)
    speaking = (device.kind is DeviceKind.VETH and preset.mended_in) or (device.kind is DeviceKind.NIC and not has(LRO))
    if speaking and has(RX):
        yield from without("rx", {RX: False}, "what comes in there is summed in software")
    if options_of(device)["heeds-rx-off"] and (command := _switch(preset.tool, device.name, "rx")) is not None:
        changed = with_device(topology, port, replace(device, options={**device.options, "heeds-rx-off": False}))
        yield Cure(domain.name, command.on, command.off, "what the other end says of a sum is believed again", command.lasting, changed)


def tunnel_changes(topology: Topology, port: Port) -> Iterator[Cure]:
    """Outer sums, which are said where a tunnel is made."""
    domain, device = topology.domains[port.domain], topology.device(port)
    if PRESETS[domain.preset].tool != "ethtool" or device.kind not in (DeviceKind.VXLAN, DeviceKind.GENEVE):
        return
    options = options_of(device, PRESETS[domain.preset].unsummed)
    six = ":" in device.local
    without, summed = ("udp6zerocsumtx", "noudp6zerocsumtx") if six else ("noudpcsum", "udpcsum")
    if options["udpcsum"]:
        # Over IPv6 both ends have to be told.
        changed = with_device(topology, port, replace(device, options={**device.options, "udpcsum": False}))
        yield _remade(domain, device, without, summed, "the outer packet has no checksum; the inner one still has its own", changed)
    elif six:
        changed = with_device(topology, port, replace(device, options={**device.options, "udpcsum": True}))
        yield _remade(domain, device, summed, without, "the outer packet is summed too", changed)
    if six and not options["udp6zerocsumrx"]:
        changed = with_device(topology, port, replace(device, options={**device.options, "udp6zerocsumrx": True}))
        cost = "outer packets without a checksum are taken, whoever sends them"
        yield _remade(domain, device, "udp6zerocsumrx", "noudp6zerocsumrx", cost, changed)


def _remade(domain: Domain, device: Device, word: str, undo: str, cost: str, changed: Topology) -> Cure:
    """A tunnel that is made anew with another word."""
    local = f" local {device.local}" if device.kind is DeviceKind.VXLAN else ""
    made = f"ip link del {device.name}; ip link add {device.name} type {device.kind.value} id ID{local} remote {device.remote}"
    port = f"dstport {device.port}"
    lasting = "say it where the tunnel is made"
    return Cure(domain.name, f"{made} {port} {word}", f"{made} {port} {undo}", f"{cost}; {_REMAKE}", lasting, changed, typed=False)

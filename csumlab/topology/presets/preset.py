"""What a preset is: the tables and defaults of one kernel version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from csumlab.headers import Layer
from csumlab.packet import Header, outer_transport
from csumlab.stage import Stage
from csumlab.stages.linux import UFO
from csumlab.topology.model import DeviceKind

CUT_DATAGRAMS = frozenset({DeviceKind.NIC, DeviceKind.VIRTIO, DeviceKind.TAP, DeviceKind.VETH, DeviceKind.BRIDGE})
"""Devices that may take a datagram which is longer than the MTU, and cut it into fragments or hand it on whole."""


@dataclass(frozen=True, slots=True)
class TunnelOffer:
    """Sums inside tunnels over UDP only, and if ``ports`` are named in those to one of them."""

    ports: tuple[int, ...] = ()

    def covers(self, headers: tuple[Header, ...]) -> bool:
        transport = outer_transport(headers)
        if transport is None or transport.layer is not Layer.UDP:
            return False
        there = transport.destination
        return not self.ports or (there is not None and any(there.within(port, port) for port in self.ports))


class Stacked(NamedTuple):
    """What a device that sits on others does to what it hands down (``send``), takes, and hands ``across`` to another one beside it or to
    the IP stack of the owner (``route``)."""

    send: Stage
    receive: Stage
    across: Stage | None = None
    route: Stage | None = None


@dataclass(frozen=True, slots=True)
class Preset:
    """One kernel version. ``carrying``: what a tunnel or wrapping device does to a packet that leaves by it and to one that comes in;
    ``switched`` the same for a guest's device of Hyper-V or ESXi and for a port of their switches; ``stacked`` what a device that sits on
    others does; ``offers`` which tunnels' packets a driver does not keep away from its device (ndo_features_check), where it keeps some
    away; ``follows`` are the kinds that offer what the device below them does, and no more;
    ``features`` are what each kind of device has on by default, ``fixed`` what ethtool cannot change, ``keys`` those of xenstore that
    its Xen network drivers write and heed, ``editors`` what edits packets beside NAT, by its word in topologies. ``mended_in`` is the
    first version that does not do what is special about this one where no row of a fault says more (stage.Mended), "" if there is
    nothing to mend, and ``mended_as`` the preset that stands for it.
    ``until`` is the last version of Linux that it stands for, () of the newest and of kernels that are not told by Linux' versions: what
    came later it has not (ages.py).
    ``unsummed`` are tunnels over an IP version that have no outer sum if not told otherwise, beside those of every kernel (options.py).
    ``devices`` are the kinds that it has, if it has not all; ``routes`` says whether what it forwards, tracks or translates is modelled.
    ``tool`` is the program that switches offloads of its devices, "" if none is known (csumlab/cures).
    ``refuses_short_tails``: a tap asks how long the last segment of a super-frame is. Of a packet's slots of a ring behind the
    first: the most that its netfront uses, the most that its netback takes, and the most with which that does not disable the interface
    (0: it never does)."""

    name: str
    title: str
    family: type[Any]
    sender: Stage
    egress: Stage
    bridge: Stage
    input: Stage
    conntrack: Stage
    nat: Stage
    forward: Stage
    receive: Stage
    gro: Stage
    nic_transmit: Stage
    nic_receive: Stage
    netfront_transmit: Stage
    netback_receive: Stage
    netback_transmit: Stage
    netfront_receive: Stage
    veth: Stage
    vpn_unseal: Stage
    carrying: Mapping[DeviceKind, tuple[Stage, Stage]]
    features: Mapping[DeviceKind, frozenset[str]]
    fixed: Mapping[DeviceKind, frozenset[str]]
    large_datagram: Stage | None = None
    segmentation: Stage | None = None
    bridge_netfilter: Stage | None = None
    fragmentation: Stage | None = None
    bridge_fragmentation: Stage | None = None
    reassembly: Stage | None = None
    virtio_transmit: Stage | None = None
    virtio_receive: Stage | None = None
    tap_transmit: Stage | None = None
    tap_receive: Stage | None = None
    macvtap_deliver: Stage | None = None
    switched: Mapping[DeviceKind, tuple[Stage, Stage]] = field(default_factory=dict)
    stacked: Mapping[DeviceKind, Stacked] = field(default_factory=dict)
    offers: Mapping[DeviceKind, TunnelOffer] = field(default_factory=dict)
    ecn: Stage | None = None
    looped_back: Stage | None = None
    multicast_forward: Stage | None = None
    editors: Mapping[str, Stage] = field(default_factory=dict)
    xdp_pass: Stage | None = None
    flowtable: Stage | None = None
    flowtable_nat: Stage | None = None
    segment: Stage | None = None
    until: tuple[int, ...] = ()
    unsummed: frozenset[tuple[DeviceKind, int]] = frozenset()
    follows: frozenset[DeviceKind] = frozenset()
    keys: frozenset[str] = frozenset()
    devices: frozenset[DeviceKind] = frozenset()
    routes: bool = True
    slots_used: int = 18
    slots_valid: int = 18
    slots_fatal: int = 0
    source: str = ""
    refuses_short_tails: bool = False
    mended_in: str = ""
    mended_as: str = "linux-6.1"
    tool: str = "ethtool"

    @property
    def tables(self) -> Iterator[Stage]:
        """Every table of this kernel, some more than once, in the order of a packet's way."""
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if name in ("carrying", "switched", "stacked"):
                yield from (stage for several in value.values() for stage in several if stage is not None)
            elif name == "editors":
                yield from value.values()
            elif isinstance(value, Stage):
                yield value

    def fixed_in(self, kind: DeviceKind) -> frozenset[str]:
        """What ethtool cannot change in a device. A kernel whose sockets leave no datagram whole has no feature for it either, and
        devices that nothing is known of do not cut any."""
        uncut = self.large_datagram is None or kind not in CUT_DATAGRAMS
        return self.fixed.get(kind, frozenset()) | (frozenset({UFO}) if uncut else frozenset())

    @property
    def has_virtio(self) -> bool:
        """The first virtio network driver is that of Linux 2.6.24."""
        return self.virtio_transmit is not None

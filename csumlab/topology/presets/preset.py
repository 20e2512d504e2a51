"""What a preset is: the tables and defaults of one kernel version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from csumlab.headers import Layer
from csumlab.packet import Header, outer_transport
from csumlab.stage import Stage
from csumlab.topology.model import DeviceKind


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


@dataclass(frozen=True, slots=True)
class Preset:
    """One kernel version. ``carrying``: what a tunnel or wrapping device does to a packet that leaves by it and to one that comes in;
    ``switched`` the same for a guest's device of Hyper-V or ESXi and for a port of their switches; ``offers`` which tunnels'
    packets a driver does not keep away from its device (ndo_features_check), where it keeps some away;
    ``features`` are what each kind of device has on by default, ``fixed`` what ethtool cannot change, ``keys`` those of xenstore that
    its Xen network drivers write and heed, ``editors`` what edits packets beside NAT, by its word in topologies. ``mended_in`` is the
    first version that does not do what is special about this one where no row of a fault says more (stage.Mended), "" if there is
    nothing to mend, and ``mended_as`` the preset that stands for it.
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
    offers: Mapping[DeviceKind, TunnelOffer] = field(default_factory=dict)
    ecn: Stage | None = None
    looped_back: Stage | None = None
    multicast_forward: Stage | None = None
    editors: Mapping[str, Stage] = field(default_factory=dict)
    xdp_pass: Stage | None = None
    flowtable: Stage | None = None
    flowtable_nat: Stage | None = None
    keys: frozenset[str] = frozenset()
    slots_used: int = 18
    slots_valid: int = 18
    slots_fatal: int = 0
    source: str = ""
    refuses_short_tails: bool = False
    mended_in: str = ""
    mended_as: str = "linux-6.1"

    @property
    def tables(self) -> Iterator[Stage]:
        """Every table of this kernel, some more than once, in the order of a packet's way."""
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if name in ("carrying", "switched"):
                yield from (stage for pair in value.values() for stage in pair)
            elif name == "editors":
                yield from value.values()
            elif isinstance(value, Stage):
                yield value

    @property
    def has_virtio(self) -> bool:
        """The first virtio network driver is that of Linux 2.6.24."""
        return self.virtio_transmit is not None

"""A host as frozen values: domains, devices, wires, routes, translation rules. What each is set to, never what a packet does there."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property, lru_cache
from ipaddress import ip_interface

import numpy as np

from csumlab.behaviours import Measure
from csumlab.cards import lengths, ports
from csumlab.headers import Layer
from csumlab.packet import Span, exactly
from csumlab.shown import Shown
from csumlab.stages.helpers import helped_ports
from csumlab.stages.hypervisors import OFFLOADED_PORTS
from csumlab.stages.rewriters import OF_CONNECTIONS, TRACKED
from csumlab.tables import ETHERNET_MTU, Tables
from csumlab.topology.intervals import LOOPED, OF_ONE_LINK, Range, starts
from csumlab.topology.rules import Copy, Edit, Local, MulticastRoute, Nat, Nat64, Prefix, Route


class DeviceKind(Enum):
    NIC = "nic"
    VIF = "vif"
    NETFRONT = "netfront"
    VETH = "veth"
    VIRTIO = "virtio"
    TAP = "tap"
    IFB = "ifb"
    MACVTAP = "macvtap"
    MACVLAN = "macvlan"
    IPVLAN = "ipvlan"
    BOND = "bond"
    TEAM = "team"
    NETVSC = "netvsc"
    NETVSP = "netvsp"
    VMXNET3 = "vmxnet3"
    VMPORT = "vmport"
    BRIDGE = "bridge"
    LOOPBACK = "loopback"
    VXLAN = "vxlan"
    GENEVE = "geneve"
    GRE = "gre"
    GRETAP = "gretap"
    ERSPAN = "erspan"
    BAREUDP = "bareudp"
    IPIP = "ipip"
    SIT = "sit"
    IP6TNL = "ip6tnl"
    L2TP = "l2tp"
    WIREGUARD = "wireguard"
    OVPN = "ovpn"
    ESP = "esp"
    SEG6 = "seg6"
    VLAN = "vlan"
    MACSEC = "macsec"
    PPPOE = "pppoe"
    BATMAN = "batman"
    VPN = "vpn"


ALIKE: Mapping[str, str] = {"netkit": "veth"}
"""Kinds of devices that are another one here: a netkit pair (since Linux 6.7) offers what a veth pair does, and hands packets over as one
does (drivers/net/netkit.c netkit_setup, netkit_xmit)."""


@dataclass(frozen=True, slots=True)
class Carriage:
    """How a kind of tunnel carries packets: the ``layers`` between the outer IP header and them, with ``encap`` as key where there is a
    choice; the IP versions that may be ``outer`` and ``inner``; whether they are ``sealed`` (encrypted); whether what is taken out is
    handed to receive aggregation of the device's own (``merges``: napi_gro_receive, gro_cells_receive), and the outer ECN marks to what
    is carried (``marks``: IP_ECN_decapsulate and its like; what is encrypted is told of none)."""

    layers: Mapping[str, tuple[Layer, ...]]
    outer: tuple[int, ...] = (4, 6)
    inner: tuple[int, ...] = (4, 6)
    sealed: bool = False
    merges: bool = False
    marks: bool = False


def _ip_tunnel(*own: Layer) -> dict[str, tuple[Layer, ...]]:
    """A tunnel that may have Foo over UDP or GUE around it (ip-link(8), encap)."""
    return {"": own, "fou": (Layer.UDP, Layer.FOU, *own), "gue": (Layer.UDP, Layer.GUE, *own)}


_FRAME = Layer.ETHERNET
CARRIAGES: Mapping[DeviceKind, Carriage] = {
    DeviceKind.VXLAN: Carriage({"": (Layer.UDP, Layer.VXLAN, _FRAME), "gpe": (Layer.UDP, Layer.VXLAN)}, merges=True, marks=True),
    DeviceKind.GENEVE: Carriage({"": (Layer.UDP, Layer.GENEVE, _FRAME)}, merges=True, marks=True),
    DeviceKind.GRE: Carriage(_ip_tunnel(Layer.GRE), merges=True, marks=True),
    DeviceKind.GRETAP: Carriage(_ip_tunnel(Layer.GRE, _FRAME), merges=True, marks=True),
    DeviceKind.ERSPAN: Carriage({"": (Layer.GRE, Layer.ERSPAN, _FRAME)}, merges=True, marks=True),
    DeviceKind.BAREUDP: Carriage({"": (Layer.UDP, Layer.FOU)}, outer=(4,), merges=True, marks=True),
    DeviceKind.IPIP: Carriage(_ip_tunnel(), outer=(4,), inner=(4,), merges=True, marks=True),
    DeviceKind.SIT: Carriage(_ip_tunnel(), outer=(4,), marks=True),
    DeviceKind.IP6TNL: Carriage(_ip_tunnel(), outer=(6,), merges=True, marks=True),
    DeviceKind.L2TP: Carriage({"": (Layer.L2TP, _FRAME), "udp": (Layer.UDP, Layer.L2TP, _FRAME)}),
    DeviceKind.WIREGUARD: Carriage({"": (Layer.UDP, Layer.WIREGUARD)}, sealed=True, merges=True),
    DeviceKind.OVPN: Carriage({"": (Layer.UDP, Layer.OPENVPN)}, sealed=True, merges=True),
    DeviceKind.ESP: Carriage({"": (Layer.ESP,), "udp": (Layer.UDP, Layer.ESP)}, sealed=True),
    DeviceKind.SEG6: Carriage({"": (Layer.EXTENSION,)}, outer=(6,)),
    DeviceKind.VPN: Carriage({"": (Layer.UDP, Layer.OPAQUE)}, sealed=True),
}
"""The kinds of device that put packets into others with an outer IP header."""
NO_DEVICES = frozenset({DeviceKind.ESP, DeviceKind.SEG6})
"""Those that are policies or routes, and no devices: nothing is captured there."""
WRAPPING: Mapping[DeviceKind, tuple[Layer, ...]] = {
    DeviceKind.VLAN: (Layer.VLAN,),
    DeviceKind.MACSEC: (Layer.MACSEC,),
    DeviceKind.PPPOE: (Layer.PPPOE, Layer.PPP),
    DeviceKind.BATMAN: (Layer.BATMAN, Layer.ETHERNET),
}
"""The kinds that sit on another device and put something into its frames, with what that is."""
SHARING = frozenset({DeviceKind.MACVLAN, DeviceKind.IPVLAN})
"""The kinds that share a device with its owner and with others of their kind, and add nothing to frames."""
BUNDLING = frozenset({DeviceKind.BOND, DeviceKind.TEAM})
"""The kinds that send by one of several devices, their ports."""
_TO_EVERYBODY: Mapping[Layer, Layer] = {Layer.BATMAN: Layer.BATMAN_FLOOD}


def wrapping_layers(kind: DeviceKind, to_everybody: bool) -> tuple[Layer, ...]:
    """What a device of a kind in WRAPPING puts before a packet."""
    return tuple(_TO_EVERYBODY.get(layer, layer) if to_everybody else layer for layer in WRAPPING[kind])


@dataclass(frozen=True, slots=True, order=True)
class Port:
    """A device of a domain, as ``domain:device``."""

    domain: str
    device: str

    def __str__(self) -> str:
        return f"{self.domain}:{self.device}"


@dataclass(frozen=True, slots=True)
class Device:
    """One network device. ``addresses`` with prefix lengths; ``features`` what was set explicitly; ``bridge`` the bridge it is a port of;
    ``peer`` the other end of a cable between two devices (topology/checking.py PAIRS); ``wire`` the wire of another card;
    ``local``, ``remote``, ``port`` of a tunnel; ``options`` of a tunnel or tap and of what is hooked in; ``virtio`` the negotiated
    features as text (virtio_features.py), "" if they are not said; ``xdp`` what an XDP program does with every frame: "" there is none,
    "pass", "socket" (to ``reader``), "redirect DEVICE", and the same behind "generic" for one that does not run in the driver; ``lower``
    the device that a macvtap, VLAN or MACsec device sits on, of a macvlan or ipvlan also DOMAIN:DEVICE of the same kernel; ``mode`` of
    these, in words; ``bond`` the bond or team that it is a port of, ``active`` of a bond the only port that carries frames, "" any may;
    ``id`` the VLAN's number; ``encap`` what goes around a tunnel's packets beside
    its own headers: "fou", "gue" or "udp", or VXLAN's protocol extension: "gpe". ``slots`` of a packet behind the first: the most that a
    netfront uses, or that the backend of a vif takes; ``fatal_slots`` of a vif: with more it disables the interface (netback's
    fatal_skb_slots). 0: what the kernel has. ``card`` what kind of card a nic is (cards.py), "" one that does all as it should; ``reader``
    what takes the TCP and UDP that comes in here in place of the kernel's sockets, or watches it (readers.py), "" nothing does. ``tc_in``,
    ``tc_out``: the device that tc's mirred action redirects all that comes in or goes out to, behind "ingress " as if it came in there, ""
    none does; an ifb sends it back.
    ``segments`` of a seg6 are those before ``remote``."""

    name: str
    kind: DeviceKind
    mac: int | None = None
    addresses: tuple[str, ...] = ()
    features: Mapping[str, bool] = field(default_factory=dict)
    bridge: str = ""
    peer: Port | None = None
    wire: str = ""
    mtu: int = ETHERNET_MTU
    xenstore: Mapping[str, bool] = field(default_factory=dict)
    local: str = ""
    remote: str = ""
    port: int = 0
    options: Mapping[str, bool] = field(default_factory=dict)
    virtio: str = ""
    xdp: str = ""
    lower: str = ""
    id: int = 0
    encap: str = ""
    card: str = ""
    reader: str = ""
    slots: int = 0
    fatal_slots: int = 0
    tc_in: str = ""
    tc_out: str = ""
    segments: tuple[str, ...] = ()
    mode: str = ""
    bond: str = ""
    active: str = ""

    @property
    def way(self) -> tuple[Span, ...]:
        """The segments that a seg6 sends its packets through, the last included."""
        return tuple(exactly(text) for text in (*self.segments, self.remote))

    @property
    def tunnel_layers(self) -> tuple[Layer, ...]:
        """What a tunnel device puts between the outer IP header and a packet. Only of a kind in CARRIAGES."""
        return CARRIAGES[self.kind].layers[self.encap]

    @property
    def is_raw(self) -> bool:
        """Whether frames of the device have no link-layer header: a tunnel that carries IP packets. A program's device that is in a bridge
        is a tap, and not a tun."""
        in_frames = self.kind is DeviceKind.VPN and bool(self.bridge)
        return self.kind is DeviceKind.PPPOE or (self.kind in CARRIAGES and Layer.ETHERNET not in self.tunnel_layers and not in_frames)

    @property
    def routed(self) -> bool:
        """Whether it is an ipvlan that hands what it sends to the IP stack of the device below (l3, l3s)."""
        return self.kind is DeviceKind.IPVLAN and self.mode.startswith("l3")

    def diverted(self, way: str) -> tuple[str, bool]:
        """Where tc's mirred action redirects what passes on this way, "" nowhere; and whether as if it came in there."""
        text = self.tc_in if way == "in" else self.tc_out
        name = text.removeprefix("ingress ")
        return name, name != text

    @property
    def native_xdp(self) -> bool:
        """Whether an XDP program runs in the driver, before there is a socket buffer."""
        return bool(self.xdp) and not self.xdp.startswith("generic ")

    @property
    def feeds_reader(self) -> bool:
        """Whether an XDP program hands what ``reader`` takes to it before there is a socket buffer (AF_XDP)."""
        return self.xdp == "socket"

    @property
    def forwards_by_program(self) -> bool:
        """Whether an XDP program sends on what is for others, by the host's routes (bpf_fib_lookup), before there is a socket buffer."""
        return self.xdp == "forward"

    @property
    def redirects_to(self) -> str:
        """The device that an XDP program sends every frame to, "" if none does."""
        return self.xdp.partition("redirect ")[2]

    @property
    def spans(self) -> tuple[Span, ...]:
        """The addresses that packets come here to; ``local`` of a seg6 is the segment where they are taken out."""
        return (exactly(self.local),) if self.kind is DeviceKind.SEG6 else _spans(self.addresses)

    @property
    def prefixes(self) -> tuple[Prefix, ...]:
        return _prefixes(self.addresses)


@lru_cache(1024)
def _spans(addresses: tuple[str, ...]) -> tuple[Span, ...]:
    return tuple(Span(i.version, int(i.ip), int(i.ip)) for i in map(ip_interface, addresses))


@lru_cache(1024)
def _prefixes(addresses: tuple[str, ...]) -> tuple[Prefix, ...]:
    return tuple(Prefix.parse(str(ip_interface(text).network)) for text in addresses)


def _udp_tunnel(device: Device) -> Iterator[Layer]:
    """The readable tunnel that a device's UDP port stands for."""
    if device.kind in CARRIAGES and not CARRIAGES[device.kind].sealed and device.tunnel_layers[:1] == (Layer.UDP,):
        yield device.tunnel_layers[1]


@dataclass(frozen=True, slots=True)
class Domain:
    """One kernel: a host, dom0, a guest, a container. ``outside`` says that it stands for everybody else on its wire.
    ``moves_to``: the kernel of the host that a guest is to be migrated to. ``program``: how the program behaves that takes all frames of
    its devices, and is its stack in place of the kernel's (programs.py); "" there is none. ``flowtable``: the devices where packets of
    known flows are taken before IP input, and sent on. ``neighbours``: to whom a segment of this host hands on what is sent to it,
    whatever the routes say (End.X; End.DX4 and End.DX6 where a packet is taken out). ``drops_invalid``: a rule drops what connection
    tracking calls INVALID. ``backported``: what this kernel has although its version has not, by the words of ages.py."""

    name: str
    preset: str = "linux-6.1"
    devices: Mapping[str, Device] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    nat: tuple[Nat, ...] = ()
    forwarding: bool = False
    conntrack: bool = False
    sysctl: Mapping[str, bool] = field(default_factory=dict)
    outside: bool = False
    moves_to: str = ""
    edits: tuple[Edit, ...] = ()
    program: str = ""
    nat64: tuple[Nat64, ...] = ()
    multicast: tuple[MulticastRoute, ...] = ()
    flowtable: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    local: tuple[Local, ...] = ()
    copies: tuple[Copy, ...] = ()
    neighbours: Mapping[str, str] = field(default_factory=dict)
    drops_invalid: bool = False
    backported: tuple[str, ...] = ()

    def neighbour(self, segment: Span) -> Span | None:
        """To whom a segment hands on; None if routing says."""
        return next((exactly(via) for text, via in self.neighbours.items() if exactly(text) == segment), None)

    @property
    def loopback(self) -> Device | None:
        """The device by which the domain sends to itself, if it is said; rules for destinations at it are for what the domain sends."""
        return next((device for device in self.devices.values() if device.kind is DeviceKind.LOOPBACK), None)

    def tracks(self) -> bool:
        return self.conntrack or self.drops_invalid or bool(self.flowtable) or any(rule.by in TRACKED for rule in self.nat)

    @property
    def tracked(self) -> tuple[Nat, ...]:
        """The translation rules that remember connections."""
        return tuple(rule for rule in self.nat if rule.by in OF_CONNECTIONS)


def below(port: Port, device: Device) -> Port:
    """The device that ``device``, at ``port``, sits on: of the same domain, or of another one if it is named."""
    domain, colon, name = device.lower.rpartition(":")
    return Port(domain if colon else port.domain, name)


@dataclass(frozen=True, repr=False)
class Topology(Shown):
    """The whole modelled world. ``at`` is the default tap, ``port`` or ``port:in``; ``line`` the ends of a one-line path, where addresses
    are not known and what one end sends the other receives. ``defaults`` says what was not set and is taken as default. ``file`` is the
    TOML file that it was read from, "" if it was not; ``without_effect`` says what was set and is fixed."""

    domains: Mapping[str, Domain]
    at: str = ""
    name: str = ""
    line: tuple[Port, Port] | None = None
    defaults: tuple[str, ...] = ()
    file: str = field(default="", compare=False)
    without_effect: tuple[str, ...] = ()

    def device(self, port: Port) -> Device:
        return self.domains[port.domain].devices[port.device]

    def __str__(self) -> str:
        from csumlab.report.hostmap import describe_host

        return describe_host(self)

    def _repr_html_(self) -> str:
        from csumlab.report.html import topology_html

        return topology_html(self)

    @cached_property
    def ports(self) -> tuple[Port, ...]:
        return tuple(Port(domain.name, name) for domain in self.domains.values() for name in domain.devices)

    @cached_property
    def wires(self) -> Mapping[str, tuple[Port, ...]]:
        found: dict[str, list[Port]] = {}
        for port in self.ports:
            if self.device(port).wire:
                found.setdefault(self.device(port).wire, []).append(port)
        return {name: tuple(ports) for name, ports in found.items()}

    @cached_property
    def sharers(self) -> Mapping[Port, tuple[Port, ...]]:
        """By device the macvlan and ipvlan devices that sit on it, in whatever domain."""
        found: dict[Port, list[Port]] = {}
        for port in self.ports:
            if self.device(port).kind in SHARING:
                found.setdefault(below(port, self.device(port)), []).append(port)
        return {port: tuple(ports) for port, ports in found.items()}

    @cached_property
    def owners(self) -> Mapping[Span, Port]:
        """Who answers for an address: an address on a loopback device is another's too, if one has it on a cable."""
        ports = sorted(self.ports, key=lambda port: self.device(port).kind is not DeviceKind.LOOPBACK)
        found = {span: port for port in ports for span in self.device(port).spans}
        looped = [span for span in found for version, low, high in LOOPED if span.version == version and span.within(low, high)]
        return {span: port for span, port in found.items() if span not in looped}

    @cached_property
    def broadcasts(self) -> frozenset[Span]:
        """The broadcast addresses of all networks that devices are in."""
        prefixes = {prefix for port in self.ports for prefix in self.device(port).prefixes}
        lasts = ((prefix, Span(prefix.version, prefix.high, prefix.high)) for prefix in prefixes)
        return frozenset(last for prefix, last in lasts if prefix.is_last(last) and last not in self.owners)

    @cached_property
    def _bounds(self) -> Mapping[int, list[int]]:
        """Sorted starts of intervals, by 4, 6 and 0 for ports."""
        found = dict(starts(self._ranges()))
        for wide in (wide for domain in self.domains.values() for wide in domain.nat64):
            # What is told apart of IPv4 addresses is told apart of those put into the prefix.
            found[6] = sorted({*found[6], *(wide.prefix.low + (bound << wide.shift) for bound in found[4])})
        return found

    def _ranges(self) -> Iterator[Range]:
        """Everything of which a packet may have an address or a port that matters."""
        spans = set(self.broadcasts)
        for domain in self.domains.values():
            prefixes = [route.to for route in domain.routes] + [rule.source for rule in domain.nat if rule.source]
            prefixes += [rule.destination for rule in domain.nat if rule.destination] + [rule.to for rule in domain.local if rule.to]
            spans |= {exactly(text) for text in domain.segments}
            prefixes += [entry.group for entry in domain.multicast if entry.group]
            spans |= {rule.address for rule in domain.nat if rule.address}
            numbers = [number for rule in domain.nat for number in (rule.port, rule.to_port) if number]
            numbers += [number for rule in domain.nat for number in helped_ports(rule.helper)]
            numbers += [rule.port for rule in domain.local if rule.port]
            for device in domain.devices.values():
                prefixes += device.prefixes
                spans |= {*device.spans, *(_spans((text,))[0] for text in (device.local, device.remote, *device.segments) if text)}
                numbers += [device.port] if device.port else []
                numbers += [*ports(device.card), *(OFFLOADED_PORTS if device.kind is DeviceKind.VMXNET3 else ())]
            for wide in domain.nat64:
                prefixes += [wide.prefix, wide.inside]
                spans.add(wide.address)
            yield from ((prefix.version, prefix.low, prefix.high) for prefix in prefixes)
            yield from ((0, number, number) for number in numbers)
            yield from OF_ONE_LINK if domain.multicast else ()
        yield from ((span.version, span.low, span.high) for span in spans)

    def span(self, version: int, index: int) -> Span:
        """The interval that the kernels call ``index``; ``version`` 0 for ports."""
        bounds = self._bounds[version]
        top = {0: 0xFFFF, 4: 2**32 - 1, 6: 2**128 - 1}[version]
        low = bounds[index - 1] if index else 0
        return Span(version, low, bounds[index] - 1 if index < len(bounds) else top)

    def index_of(self, version: int, value: int) -> int:
        return bisect_right(self._bounds[version], value)

    @cached_property
    def tables(self) -> Tables:
        """What the kernels need to sort packets into classes of this topology."""
        six = self._bounds[6]
        macs = sorted({device.mac for domain in self.domains.values() for device in domain.devices.values() if device.mac is not None})
        devices = [device for domain in self.domains.values() for device in domain.devices.values()]
        return Tables(
            ipv4=np.array(self._bounds[4], np.uint32),
            ipv6_upper=np.array([bound >> 64 for bound in six], np.uint64),
            ipv6_lower=np.array([bound & (2**64 - 1) for bound in six], np.uint64),
            macs=np.array(macs, np.uint64),
            ports=np.array(self._bounds[0], np.uint16),
            tunnel_ports=tuple(sorted({(device.port, layer) for device in devices for layer in _udp_tunnel(device)})),
            mtu=max([device.mtu for device in devices] or [ETHERNET_MTU]),
            pages=any(device.kind is DeviceKind.NETFRONT or device.options.get("merged-buffers") for device in devices),
            octets=any(said.measure is not Measure.PACKET for device in devices for said in lengths(device.card).values()),
            lengths=tuple(mtu + 1 for mtu in self.mtus),
        )

    @cached_property
    def wrappers(self) -> frozenset[Layer]:
        """What some device of the host puts between the Ethernet header and a packet."""
        kinds = {self.device(port).kind for port in self.ports}
        kinds &= WRAPPING.keys()
        return frozenset(layer for kind in kinds for everybody in (False, True) for layer in wrapping_layers(kind, everybody)) - {_FRAME}

    @cached_property
    def mtus(self) -> tuple[int, ...]:
        """The lengths of IP packets by which they are told apart, in ascending order: the MTUs of all devices, and where a card's behaviour
        begins and ends; none where nobody heeds any and nobody has to cut what another has sent."""
        devices = [self.device(port) for port in self.ports]
        said = [each for device in devices for each in lengths(device.card).values() if each.measure is Measure.PACKET]
        found = {device.mtu for device in devices}
        longest = max(found, default=0)
        found |= {end for each in said for end in (each.low - 1, each.high) if 0 < end < longest}
        return tuple(sorted(found)) if len(found) > 1 else ()

    def bounds(self, index: int) -> tuple[int, int] | None:
        """The least and the greatest length of an IP packet that the kernels call ``index``; None where lengths are not told apart, and of
        one that is longer than any MTU."""
        ends = (0, *self.mtus)
        return (ends[index] + 1, ends[index + 1]) if self.mtus and index < len(self.mtus) else None

    def outgrows(self, index: int) -> bool:
        """Whether an IP packet whose length the kernels call ``index`` is longer than the MTU of some device."""
        return index > 0 and self.mtus[index - 1] >= min(self.device(port).mtu for port in self.ports)

    @cached_property
    def macs(self) -> tuple[int, ...]:
        return tuple(self.tables.macs.tolist())

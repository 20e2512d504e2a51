"""A host as frozen values: domains, devices, wires, routes, translation rules. What each is set to, never what a packet does there."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property, lru_cache
from ipaddress import ip_interface, ip_network

import numpy as np

from csumlab.cards import lengths, ports
from csumlab.headers import Layer
from csumlab.packet import Span
from csumlab.shown import Shown
from csumlab.stages.helpers import helped_ports
from csumlab.stages.hypervisors import OFFLOADED_PORTS
from csumlab.stages.rewriters import OF_CONNECTIONS, TRACKED
from csumlab.tables import ETHERNET_MTU, Tables
from csumlab.topology.intervals import OF_ONE_LINK, Range, starts


class DeviceKind(Enum):
    NIC = "nic"
    VIF = "vif"
    NETFRONT = "netfront"
    VETH = "veth"
    VIRTIO = "virtio"
    TAP = "tap"
    IFB = "ifb"
    MACVTAP = "macvtap"
    NETVSC = "netvsc"
    NETVSP = "netvsp"
    VMXNET3 = "vmxnet3"
    VMPORT = "vmport"
    BRIDGE = "bridge"
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
    VLAN = "vlan"
    MACSEC = "macsec"
    PPPOE = "pppoe"
    VPN = "vpn"


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
    DeviceKind.VPN: Carriage({"": (Layer.UDP, Layer.OPAQUE)}, sealed=True),
}
"""The kinds of device that put packets into others with an outer IP header."""
WRAPPING: Mapping[DeviceKind, tuple[Layer, ...]] = {
    DeviceKind.VLAN: (Layer.VLAN,),
    DeviceKind.MACSEC: (Layer.MACSEC,),
    DeviceKind.PPPOE: (Layer.PPPOE, Layer.PPP),
}
"""The kinds that sit on another device and put something into its frames, with what that is."""


class NatKind(Enum):
    MASQUERADE = "masquerade"
    SNAT = "snat"
    DNAT = "dnat"


@dataclass(frozen=True, slots=True)
class Prefix:
    """An address range as numbers, both ends included."""

    version: int
    low: int
    high: int
    length: int

    @classmethod
    def parse(cls, text: str) -> Prefix:
        """From ``10.0.0.0/8``, a single address or ``default``. ValueError if it is none."""
        network = ip_network("0.0.0.0/0" if text == "default" else text, strict=False)
        return cls(network.version, int(network.network_address), int(network.broadcast_address), network.prefixlen)

    def covers(self, span: Span) -> bool:
        return span.version == self.version and span.within(self.low, self.high)

    @property
    def span(self) -> Span:
        return Span(self.version, self.low, self.high)

    def is_last(self, span: Span) -> bool:
        """Whether ``span`` is the network's broadcast address (RFC 919); one of two addresses or less has none (RFC 3021)."""
        return self.version == 4 == span.version and self.high - self.low > 1 and span.within(self.high, self.high)


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
    the device that a macvtap, VLAN or MACsec device sits on, ``id`` the VLAN's number; ``encap`` what goes around a tunnel's packets beside
    its own headers: "fou", "gue" or "udp", or VXLAN's protocol extension: "gpe". ``slots`` of a packet behind the first: the most that a
    netfront uses, or that the backend of a vif takes; ``fatal_slots`` of a vif: with more it disables the interface (netback's
    fatal_skb_slots). 0: what the kernel has. ``card`` what kind of card a nic is (cards.py), "" one that does all as it should; ``reader``
    what takes the TCP and UDP that comes in here in place of the kernel's sockets, or watches it (readers.py), "" nothing does. ``tc_in``,
    ``tc_out``: the device that tc's mirred action redirects all that comes in or goes out to, "" none does; an ifb sends it back."""

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
    def native_xdp(self) -> bool:
        """Whether an XDP program runs in the driver, before there is a socket buffer."""
        return bool(self.xdp) and not self.xdp.startswith("generic ")

    @property
    def feeds_reader(self) -> bool:
        """Whether an XDP program hands what ``reader`` takes to it before there is a socket buffer (AF_XDP)."""
        return self.xdp == "socket"

    @property
    def redirects_to(self) -> str:
        """The device that an XDP program sends every frame to, "" if none does."""
        return self.xdp.partition("redirect ")[2]

    @property
    def spans(self) -> tuple[Span, ...]:
        return _spans(self.addresses)

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
class Route:
    to: Prefix
    device: str
    via: Span | None = None


@dataclass(frozen=True, slots=True)
class Nat:
    """One rule. MASQUERADE and SNAT: packets from ``source`` that leave by ``device`` get ``address`` (of the device if None) and, if
    given, ``to_port``. DNAT: packets that come in by ``device`` to its address (``protocol``, ``port`` if given) go to ``address``,
    ``to_port``. ``by`` says who translates (stages/rewriters.py): what remembers no connection translates no replies. ``program`` is how
    the one behind nfqueue behaves (programs.py), ``helper`` who of conntrack looks at what they carry (stages/helpers.py)."""

    kind: NatKind
    device: str
    source: Prefix | None = None
    protocol: str = ""
    port: int = 0
    address: Span | None = None
    to_port: int = 0
    by: str = "conntrack"
    program: str = ""
    helper: str = ""


EMBEDDED: Mapping[int, int] = {32: 64, 64: 24, 96: 0}
"""By the length of a prefix that holds IPv4 addresses: how many bits stand behind them. With other lengths RFC 6052 puts bits 64 to 71,
which are 0, in between."""


@dataclass(frozen=True, slots=True)
class Nat64:
    """A translator between IPv4 and IPv6 (RFC 6146): packets from ``inside`` to ``prefix`` become IPv4 packets from ``address``, and what
    comes to ``address`` goes inside. Or the other way round (RFC 6877): an ``address`` of IPv6 stands for ``inside``, of IPv4, and whoever
    that speaks to is in the ``prefix``. ``by`` says who translates (stages/translators.py)."""

    prefix: Prefix
    address: Span
    inside: Prefix
    by: str

    @property
    def shift(self) -> int:
        """How many bits of an IPv6 address stand to the right of an IPv4 address in the prefix."""
        return EMBEDDED[self.prefix.length]

    def within(self, span: Span) -> Span:
        """IPv4 addresses as the prefix holds them (RFC 6052 section 2.2)."""
        return Span(6, self.prefix.low + (span.low << self.shift), self.prefix.low + (span.high << self.shift))

    def without(self, span: Span) -> Span:
        return Span(4, span.low - self.prefix.low >> self.shift, span.high - self.prefix.low >> self.shift)


@dataclass(frozen=True, slots=True)
class MulticastRoute:
    """Packets to ``group`` (None: to every group of more than one link) that come in by ``device``, or leave by it from this host, are
    routed on ``to`` another device."""

    device: str
    to: str
    group: Prefix | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """A rule that changes words that are no address and no port, of what passes ``device`` on its ``way`` ("in" or "out"): ``dscp``,
    ``ttl`` (also the hop limit), ``ecn`` (two bits), the ``mss`` of TCP, its ``timestamps``, the TCP option to
    ``strip``; or for ``by`` act-csum the ``sums`` that it makes anew: "ip" or a protocol; for ``by`` reject nothing: it refuses and
    answers. ``program`` as in Nat: one behind nfqueue may also edit nothing and only decide."""

    by: str
    device: str
    way: str
    protocol: str = ""
    dscp: int | None = None
    ttl: int | None = None
    ecn: int | None = None
    mss: int | None = None
    timestamps: bool = False
    strip: str = ""
    sums: tuple[str, ...] = ()
    program: str = ""


@dataclass(frozen=True, slots=True)
class Domain:
    """One kernel: a host, dom0, a guest, a container. ``outside`` says that it stands for everybody else on its wire.
    ``moves_to``: the kernel of the host that a guest is to be migrated to. ``program``: how the program behaves that takes all frames of
    its devices, and is its stack in place of the kernel's (programs.py); "" there is none. ``flowtable``: the devices where packets of
    known flows are taken before IP input, and sent on."""

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

    def tracks(self) -> bool:
        return self.conntrack or bool(self.flowtable) or any(rule.by in TRACKED for rule in self.nat)

    @property
    def tracked(self) -> tuple[Nat, ...]:
        """The translation rules that remember connections."""
        return tuple(rule for rule in self.nat if rule.by in OF_CONNECTIONS)


@dataclass(frozen=True, repr=False)
class Topology(Shown):
    """The whole modelled world. ``at`` is the default tap, ``port`` or ``port:in``; ``line`` the ends of a one-line path, where addresses
    are not known and what one end sends the other receives. ``defaults`` says what was not set and is taken as default."""

    domains: Mapping[str, Domain]
    at: str = ""
    name: str = ""
    line: tuple[Port, Port] | None = None
    defaults: tuple[str, ...] = ()

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
    def owners(self) -> Mapping[Span, Port]:
        return {span: port for port in self.ports for span in self.device(port).spans}

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
            prefixes += [entry.group for entry in domain.multicast if entry.group]
            spans |= {rule.address for rule in domain.nat if rule.address}
            numbers = [number for rule in domain.nat for number in (rule.port, rule.to_port) if number]
            numbers += [number for rule in domain.nat for number in helped_ports(rule.helper)]
            for device in domain.devices.values():
                prefixes += device.prefixes
                spans |= {*device.spans, *(_spans((text,))[0] for text in (device.local, device.remote) if text)}
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
            pages=any(device.kind is DeviceKind.NETFRONT for device in devices),
            octets=any(lengths(device.card) for device in devices),
            lengths=tuple(mtu + 1 for mtu in self.mtus),
        )

    @cached_property
    def wrappers(self) -> frozenset[Layer]:
        """What some device of the host puts between the Ethernet header and a packet."""
        kinds = {self.device(port).kind for port in self.ports}
        return frozenset(layer for kind in kinds & WRAPPING.keys() for layer in WRAPPING[kind])

    @cached_property
    def mtus(self) -> tuple[int, ...]:
        """The MTUs of all devices in ascending order where they differ; none where nobody has to cut a packet that another has sent."""
        found = sorted({self.device(port).mtu for port in self.ports})
        return tuple(found) if len(found) > 1 else ()

    def bounds(self, index: int) -> tuple[int, int] | None:
        """The least and the greatest length of an IP packet that the kernels call ``index``; None where lengths are not told apart, and of
        one that is longer than any MTU."""
        ends = (0, *self.mtus)
        return (ends[index] + 1, ends[index + 1]) if self.mtus and index < len(self.mtus) else None

    @cached_property
    def macs(self) -> tuple[int, ...]:
        return tuple(self.tables.macs.tolist())

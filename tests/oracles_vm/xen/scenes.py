"""What is sent through the host under Xen, scene after scene; one boot serves all, settings change in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from ..matrix import CORE, FRAGMENTS, HOW, TAGGED, Sent, injected, said, untagged
from ..running import Scene
from . import hosts
from .hosts import ADDRESSES, BRIDGED, FRAME, MACS, OUTSIDE, destination_of, four, six

SETTLED = 4.0
"""Seconds until an emulated card that was set anew has its link again."""
Hows = Mapping[str, tuple[str, ...]]
WHOLE: Hows = {**HOW, "tcp": HOW["tcp"] + FRAGMENTS}
ON_VLAN: Hows = {"tcp": TAGGED, "udp": TAGGED}
SOCKETS: Hows = {}


@dataclass(frozen=True)
class Way:
    """Packets go from ``place``, with the address ``source``, to ``destination``."""

    place: str
    source: str
    destination: str

    @property
    def in_six(self) -> Way:
        return replace(self, source=six(self.source), destination=six(self.destination))


U_TO_V, V_TO_U = Way("domU", "10.1.0.11", "10.1.0.12"), Way("domV", "10.1.0.12", "10.1.0.11")
U_TO_DOM0, DOM0_TO_U = Way("domU", "10.1.0.11", "10.1.0.1"), Way("dom0", "10.1.0.1", "10.1.0.11")
U_OUT, IN_TO_U = Way("domU", "10.1.0.11", "10.1.0.60"), Way("outside", "10.1.0.60", "10.1.0.11")
IN_TO_DOM0, IN_TO_V = Way("outside", "10.1.0.60", "10.1.0.1"), Way("outside", "10.1.0.60", "10.1.0.12")
FAR_TO_U, FAR_TO_V = Way("elsewhere", "10.1.0.61", "10.1.0.11"), Way("elsewhere", "10.1.0.61", "10.1.0.12")
KEY_ON_FRONT = (Way("dom0", "10.1.2.1", "10.1.2.11"), Way("domU", "10.1.2.11", "10.1.2.1"))
KEY_ON_BACK = (Way("dom0", "10.1.3.1", "10.1.3.11"), Way("domU", "10.1.3.11", "10.1.3.1"))
THROUGH_U = Way("dom0", "10.1.2.1", "10.1.0.12")
NAT_OUT, NAT_IN = Way("domU", "10.1.0.11", "198.51.100.80"), Way("outside", "198.51.100.80", "192.0.2.1")

Group = tuple[Hows, tuple[Way, ...]]
"""Packets in these states on each of these ways; SOCKETS: what sockets make."""


def scenes() -> tuple[Callable[[int], Scene], ...]:
    """Every scene, in the order in which the machine goes through them; each is made with the number of its first packet."""
    translated: tuple[Group, ...] = (
        (_of(HOW, "tcp", "udp"), (NAT_OUT,)),
        (_from_wire(_of(HOW, "tcp", "udp")), (NAT_IN,)),
        (SOCKETS, (NAT_OUT,)),
    )
    return (
        _scene(
            "bridge, as the drivers start",
            BRIDGED,
            (
                (WHOLE, (U_TO_V, U_TO_DOM0, DOM0_TO_U, U_OUT)),
                (HOW, _six(U_TO_V, U_TO_DOM0, DOM0_TO_U, U_OUT)),
                (ON_VLAN, (U_TO_V, U_TO_V.in_six, DOM0_TO_U, U_OUT)),
                (_from_wire(HOW), (*_both(IN_TO_U, FAR_TO_U), IN_TO_DOM0)),
                (SOCKETS, (*_both(U_TO_V, DOM0_TO_U), U_TO_DOM0)),
            ),
            tuple(
                ("dom0", command)
                for place, device in (("outside", "eth0"), ("elsewhere", "eth1"))
                for command in (f"ip link set {device} master br0", f"bridge fdb replace {MACS[place, device]} dev {device} master static")
            ),
            SETTLED,
        ),
        _scene(
            "xenstore: feature-no-csum-offload on eth1, feature-ipv6-csum-offload = 0 on vif1.2",
            BRIDGED,
            (
                (CORE, _both(*KEY_ON_FRONT, *KEY_ON_BACK)),
                (SOCKETS, (KEY_ON_FRONT[0], KEY_ON_BACK[1].in_six)),
            ),
        ),
        _scene(
            "netfront: tx off, gro off",
            hosts.with_features(BRIDGED, "[domain.domU.device.eth0]", "tx-checksum-ipv6 = false, rx-gro = false"),
            ((CORE, _both(U_TO_V, DOM0_TO_U)), (SOCKETS, _both(U_TO_V))),
            (("domU", "ethtool -K eth0 tx off gro off"),),
        ),
        _scene(
            "vif: tx off",
            hosts.with_features(BRIDGED, '[domain.dom0.device."vif1.0"]', "tx-checksum-ipv4 = false, tx-checksum-ipv6 = false"),
            ((CORE, _both(DOM0_TO_U, V_TO_U)),),
            (("domU", "ethtool -K eth0 tx on gro on"), ("dom0", "ethtool -K vif1.0 tx off")),
        ),
        _scene(
            "card: tx off, rx off, gro off",
            FRAME.replace("CARD", "tx = false, rx = false, gro = false"),
            ((CORE, _both(U_OUT)), (_from_wire(CORE), _both(IN_TO_U))),
            (("dom0", "ethtool -K vif1.0 tx on"), ("dom0", "ethtool -K eth0 tx off gro off")),
            SETTLED,
        ),
        _scene(
            "guest as router; its neighbour without gro",
            hosts.GUEST_ROUTER,
            ((HOW, _both(THROUGH_U)), (_from_wire(CORE), (IN_TO_V, *_both(FAR_TO_V)))),
            (
                ("dom0", "ethtool -K eth0 tx on gro on"),
                ("domV", "ethtool -K eth0 gro off"),
                ("domU", "sysctl net.ipv4.ip_forward=1"),
                ("domU", "sysctl net.ipv6.conf.all.forwarding=1"),
            ),
            SETTLED,
        ),
        _scene(
            "router with translation",
            hosts.ROUTED.replace("SYSCTL", ""),
            translated,
            (
                ("domV", "ethtool -K eth0 gro on"),
                ("dom0", "ip link set eth0 nomaster"),
                ("dom0", "ip addr add 192.0.2.1/24 dev eth0"),
                ("dom0", f"ip neigh replace 192.0.2.254 lladdr {MACS['outside', 'eth0']} dev eth0"),
                ("dom0", "ip route add default via 192.0.2.254"),
                ("dom0", "sysctl net.ipv4.ip_forward=1"),
                ("dom0", "nft add table ip nat"),
                ("dom0", "nft add chain ip nat post { type nat hook postrouting priority 100 ; }"),
                ("dom0", "nft add rule ip nat post oifname eth0 ip saddr 10.1.0.0/24 masquerade"),
                ("dom0", "nft add chain ip nat pre { type nat hook prerouting priority -100 ; }"),
                ("dom0", "nft add rule ip nat pre iifname eth0 ip daddr 192.0.2.1 dnat to 10.1.0.11"),
            ),
            SETTLED,
        ),
        _scene(
            "router with translation, nf_conntrack_checksum = 0",
            hosts.ROUTED.replace("SYSCTL", hosts.UNVERIFIED),
            translated,
            (("dom0", "sysctl net.netfilter.nf_conntrack_checksum=0"),),
        ),
    )


def link(one: Sent) -> bytes:
    """The hardware addresses in front of a packet: the next hop's and its sender's."""
    destination = destination_of(untagged(one.data))
    owner, source = ADDRESSES[destination], (one.place, one.device)
    if one.place == "domU" and destination == NAT_OUT.destination:
        owner = ("dom0", "br0")
    elif source == ("dom0", "br1") and owner == ("domV", "eth0"):
        owner = ("domU", "eth1")
    return bytes.fromhex((MACS[owner] + MACS[source]).replace(":", ""))


def _scene(
    name: str, host: str, groups: tuple[Group, ...], commands: tuple[tuple[str, str], ...] = (), pause: float = 0
) -> Callable[[int], Scene]:
    return lambda first: Scene(
        name=name,
        host=host,
        sent=tuple(_sent(first, groups)),
        watch=hosts.WATCH,
        listen=hosts.LISTEN,
        link=link,
        commands=commands,
        # Nobody has a device for the VLAN: a stack shows the frame and goes no further.
        unheard=lambda one: one.what.split()[-1] in OUTSIDE or "tagged" in one.what,
        pause=pause,
        patience=1.5,
    )


def _sent(first: int, groups: tuple[Group, ...]) -> Iterator[Sent]:
    number = first
    for hows, ways in groups:
        for way in ways:
            device = "eth0" if way.place == "outside" else ADDRESSES[four(way.source)][1]
            # Nobody answers outside, and TCP sends no data before it was answered.
            heard = ("udp",) if way.destination in OUTSIDE else ("udp", "tcp")
            if hows is SOCKETS:
                made = said(number, way.place, way.source, way.destination, heard)
            else:
                made = injected(number, way.place, device, way.source, way.destination, hows)
            for one in made:
                yield one
                number = one.number + 1


def _six(*ways: Way) -> tuple[Way, ...]:
    return tuple(way.in_six for way in ways)


def _both(*ways: Way) -> tuple[Way, ...]:
    return (*ways, *_six(*ways))


def _of(hows: Hows, *protocols: str) -> Hows:
    return {protocol: hows[protocol] for protocol in protocols}


def _from_wire(hows: Hows) -> Hows:
    """What can come from a wire, which carries no state."""
    return {protocol: tuple(how for how in each if "owed" not in how) for protocol, each in hows.items()}

"""Topologies of tunnels and VPNs as people run them: which tunnel, where its near end stands, whether checksums are offloaded there.

The near end is at a site of its own, the far end (``far``) is a machine with a card on the same wire; who sends is the machine with the
tunnel, or a client behind it where that is a gateway. :func:`setup` gives TOML to start a scenario folder from; every combination of
:data:`TUNNELS` and :data:`PLACES` that a kernel has is one cell of tests/golden/setups.txt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

NEAR, NEAR6 = "192.0.2.7", "2001:db8:2::7"
FAR, FAR6 = "192.0.2.9", "2001:db8:2::9"
POD, POD6 = "10.9.0.2", "fd09::2"
CLIENT, CLIENT6 = "10.1.0.5", "fd01::5"
INSIDE, INSIDE6 = "10.8.0.{}", "fd08::{}"


@dataclass(frozen=True, slots=True)
class Tunnel:
    """``lines``: what both of its devices have, as TOML. ``outer``: the IP version that it travels in, ``inner`` the one that is sent
    through it. ``transport``: it protects what the two machines say to each other, and has no addresses of its own. ``framed``: it sits on
    the device below and travels in its frames, which nobody routes."""

    title: str
    lines: str
    outer: int = 4
    inner: int = 4
    transport: bool = False
    framed: bool = False


TUNNELS: Final[Mapping[str, Tunnel]] = {
    "wireguard": Tunnel("WireGuard in the kernel", 'kind = "wireguard"'),
    "wireguard-go": Tunnel("WireGuard as a program", 'kind = "vpn"\nport = 51820\noptions = { vnet-hdr = true, TUN_F_CSUM = true }'),
    "openvpn": Tunnel("OpenVPN as a program", 'kind = "vpn"\nport = 1194'),
    "openvpn-dco": Tunnel("OpenVPN in the kernel", 'kind = "ovpn"'),
    "ipsec": Tunnel("IPsec, tunnel mode", 'kind = "esp"'),
    "ipsec-natt": Tunnel("IPsec, tunnel mode, in UDP (NAT traversal)", 'kind = "esp"\nencap = "udp"'),
    "ipsec-transport": Tunnel("IPsec, transport mode", 'kind = "esp"\noptions = { transport = true }', transport=True),
    "ipsec-transport-natt": Tunnel(
        "IPsec, transport mode, in UDP (NAT traversal)", 'kind = "esp"\nencap = "udp"\noptions = { transport = true }', transport=True
    ),
    "vxlan": Tunnel("VXLAN, as flannel and other container networks have it", 'kind = "vxlan"'),
    "vxlan-noudpcsum": Tunnel("VXLAN without outer sums", 'kind = "vxlan"\noptions = { udpcsum = false }'),
    "geneve": Tunnel("Geneve without outer sums, as OVN and Open vSwitch may have it", 'kind = "geneve"'),
    "geneve-csum": Tunnel("Geneve with outer sums", 'kind = "geneve"\noptions = { udpcsum = true }'),
    "gre": Tunnel("GRE", 'kind = "gre"'),
    "gre-csum": Tunnel("GRE with sums", 'kind = "gre"\noptions = { csum = true }'),
    "gretap": Tunnel("Ethernet in GRE", 'kind = "gretap"'),
    "ipip": Tunnel("IPv4 in IPv4", 'kind = "ipip"'),
    "6in4": Tunnel("IPv6 in IPv4", 'kind = "sit"', inner=6),
    "4in6": Tunnel("IPv4 in IPv6", 'kind = "ip6tnl"', outer=6),
    "l2tp": Tunnel("L2TP version 3 in IP", 'kind = "l2tp"'),
    "pppoe": Tunnel("PPPoE, as DSL lines have it", 'kind = "pppoe"\nlower = "eth0"', framed=True),
    "l2tp-udp": Tunnel("L2TP version 3 in UDP", 'kind = "l2tp"\nencap = "udp"'),
}
"""The tunnels and VPNs that :func:`setup` knows."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the near end of a tunnel stands. ``text``: the machines of the site as TOML, with TUNNEL, FEATURES and PRESET to be put in;
    ``machine`` has the tunnel and ``local`` are its addresses, which the far end sees as ``seen``; ``sender`` talks, from ``client`` if it
    is not the machine itself; ``at``: where captures are taken."""

    title: str
    machine: str
    at: str
    text: str
    local: tuple[str, str] = (NEAR, NEAR6)
    seen: tuple[str, str] = (NEAR, NEAR6)
    sender: str = ""
    client: tuple[str, str] = ("", "")


_ADDRESS = f'address = ["{NEAR}/24", "{NEAR6}/64"]\n'
_CARD = '[domain.{}.device.eth0]\nkind = "nic"\nwire = "lan"\nFEATURES'
_DOMAIN = '[domain.{}]\npreset = "PRESET"\n'
_HOST = _DOMAIN.format("host") + _CARD.format("host") + _ADDRESS + "TUNNEL"


def _bridged(host: str, bridge: str, inner: str, own: str = "") -> str:
    """A host whose card and whose guest's device are ports of a bridge."""
    head = _DOMAIN.format(host) + _CARD.format(host) + f'bridge = "{bridge}"\n'
    return head + f'[domain.{host}.device.{bridge}]\nkind = "bridge"\nFEATURES{own}' + inner


def _guest(host: str, bridge: str, end: str, kind: str, guest: str, device: str) -> str:
    return (
        f'[domain.{host}.device."{end}"]\nkind = "{kind}"\npeer = "{guest}:eth0"\nFEATURESbridge = "{bridge}"\n'
        + _DOMAIN.format(guest)
        + f'[domain.{guest}.device.eth0]\nkind = "{device}"\nFEATURES{_ADDRESS}TUNNEL'
    )


def _container(rule: str) -> str:
    return (
        _DOMAIN.format("host")
        + "forwarding = true\n"
        + _CARD.format("host")
        + _ADDRESS
        + '[domain.host.device.veth1]\nkind = "veth"\nFEATURESaddress = ["10.9.0.1/24", "fd09::1/64"]\n'
        + rule
        + _DOMAIN.format("pod")
        + f'[domain.pod.device.eth0]\nkind = "veth"\npeer = "host:veth1"\nFEATURESaddress = ["{POD}/24", "{POD6}/64"]\nTUNNEL'
        + '[[domain.pod.route]]\nto = "default"\ndevice = "eth0"\nvia = "10.9.0.1"\n'
        + '[[domain.pod.route]]\nto = "::/0"\ndevice = "eth0"\nvia = "fd09::1"\n'
    )


_MASQUERADE = "".join(
    f'[[domain.host.nat]]\nkind = "masquerade"\ndevice = "eth0"\nsource = "{source}"\n' for source in ("10.9.0.0/24", "fd09::/64")
)
_GATEWAY = (
    _DOMAIN.format("gate")
    + "forwarding = true\n"
    + _CARD.format("gate")
    + _ADDRESS
    + '[domain.gate.device.lan0]\nkind = "nic"\nwire = "site"\nFEATURESaddress = ["10.1.0.1/24", "fd01::1/64"]\nTUNNEL'
    + f'[domain.client.device.eth0]\nkind = "nic"\nwire = "site"\naddress = ["{CLIENT}/24", "{CLIENT6}/64"]\n'
    + '[[domain.client.route]]\nto = "default"\ndevice = "eth0"\nvia = "10.1.0.1"\n'
    + '[[domain.client.route]]\nto = "::/0"\ndevice = "eth0"\nvia = "fd01::1"\n'
)

PLACES: Final[Mapping[str, Place]] = {
    "host": Place("a machine with a card", "host", "host:eth0", _HOST),
    "dom0": Place("dom0 or a KVM host, whose address is its bridge's", "dom0", "dom0:eth0", _bridged("dom0", "xenbr0", "TUNNEL", _ADDRESS)),
    "container": Place(
        "a container behind a veth pair, masqueraded by its host",
        "pod",
        "host:veth1",
        _container(_MASQUERADE),
        local=(POD, POD6),
    ),
    "container-routed": Place(
        "a container behind a veth pair, routed by its host", "pod", "host:veth1", _container(""), local=(POD, POD6), seen=(POD, POD6)
    ),
    "virtio": Place(
        "a virtual machine behind virtio and a bridge",
        "guest",
        "host:vnet0",
        _bridged("host", "br0", _guest("host", "br0", "vnet0", "tap", "guest", "virtio")),
    ),
    "xen": Place(
        "a Xen guest behind netfront and a bridge",
        "domU",
        "dom0:vif1.0",
        _bridged("dom0", "xenbr0", _guest("dom0", "xenbr0", "vif1.0", "vif", "domU", "netfront")),
    ),
    "gateway": Place("a gateway, with a client behind it", "gate", "gate:eth0", _GATEWAY, sender="client", client=(CLIENT, CLIENT6)),
}
"""Where :func:`setup` can put the near end of a tunnel."""


def listing() -> str:
    """The words that :func:`setup` takes, with what they mean."""
    width = max(map(len, (*TUNNELS, *PLACES)))
    parts: list[tuple[str, Mapping[str, Tunnel | Place]]] = [("tunnels and VPNs:", TUNNELS), ("places of the near end:", PLACES)]
    return "\n".join("\n".join([head, *(f"  {name:<{width}}  {one.title}" for name, one in known.items())]) for head, known in parts)


def talk(tunnel: str, place: str) -> tuple[str, str, str]:
    """Who sends through a set-up to ``far``: domain, source and destination address."""
    how, where = TUNNELS[tunnel], PLACES[place]
    six = how.inner == 6
    sender = where.sender or where.machine
    if how.transport:
        return sender, where.local[six], (FAR, FAR6)[six]
    inside = (INSIDE, INSIDE6)[six]
    return sender, where.client[six] or inside.format(1), inside.format(2)


_APART: Final = ("pod", "dom0")
"""Machines whose devices are not on the wire, nor on a bridge to it."""


def setup(tunnel: str, place: str, *, offload: bool = True, kernel: str = "linux-6.1") -> str:
    """The TOML of one set-up. ``offload`` False: tx, rx and gro are off on every device of the site that carries the tunnel's packets;
    ``kernel``: the preset of the site's machines. ValueError for what there is not; what a kernel lacks is the loader's to say."""
    for word, known in ((tunnel, TUNNELS), (place, PLACES)):
        if word not in known:
            raise ValueError(f"no set-up for {word!r}; there are: {', '.join(known)}")
    how, where = TUNNELS[tunnel], PLACES[place]
    if how.transport and where.client[0]:
        fits = ", ".join(name for name, one in PLACES.items() if not one.client[0])
        raise ValueError(f"{how.title}: only the two machines themselves speak it, not who is behind a gateway; it fits: {fits}")
    if how.framed and where.machine in _APART:
        fits = ", ".join(name for name, one in PLACES.items() if one.machine not in _APART)
        raise ValueError(f"{how.title}: no device of a container or dom0 reaches the far end without a router and bridge; it fits: {fits}")
    six = how.outer == 6
    features = "" if offload else "features = { tx = false, rx = false, gro = false }\n"
    near = _end(how, where.machine, where.local[six], (FAR, FAR6)[six], 1)
    site = where.text.replace("TUNNEL", near).replace("FEATURES", features).replace("PRESET", kernel)
    far = '[domain.far.device.eth0]\nkind = "nic"\nwire = "lan"\n' + f'address = ["{FAR}/24", "{FAR6}/64"]\n'
    far += _end(how, "far", (FAR, FAR6)[six], where.seen[six], 2)
    if where.seen != (NEAR, NEAR6):
        far += _route("far", "10.9.0.0/24", "eth0", NEAR) + _route("far", "fd09::/64", "eth0", NEAR6)
    if where.client[0]:
        far += _route("far", "10.1.0.0/24", "tun0") + _route("far", "fd01::/64", "tun0")
    head = f"# {how.title}. Its near end: {where.title}. Offload there is {'on' if offload else 'off'}.\n"
    return head + f'name = "{tunnel} {place}"\nat = "{where.at}"\n' + site + far


def _end(how: Tunnel, domain: str, local: str, remote: str, number: int) -> str:
    """One end's device. In transport mode a route to the other machine stands for the policy."""
    text = f"[domain.{domain}.device.tun0]\n{how.lines}\n"
    text += "" if how.framed else f'local = "{local}"\nremote = "{remote}"\n'
    if how.transport:
        return text + _route(domain, remote, "tun0")
    return text + f'address = ["{INSIDE.format(number)}/24", "{INSIDE6.format(number)}/64"]\n'


def _route(domain: str, to: str, device: str, via: str = "") -> str:
    return f'[[domain.{domain}.route]]\nto = "{to}"\ndevice = "{device}"\n' + (f'via = "{via}"\n' if via else "")

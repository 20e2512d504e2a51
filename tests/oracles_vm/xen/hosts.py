"""The host under Xen: two guests, dom0 as bridge and as router with translation, two cards with wires; and how it is made."""

from __future__ import annotations

from ipaddress import ip_address

BRIDGE_MAC = "00:16:3e:00:00:01"
MACS = {
    ("domU", "eth0"): "00:16:3e:00:01:00",
    ("domU", "eth1"): "00:16:3e:00:01:01",
    ("domU", "eth2"): "00:16:3e:00:01:02",
    ("domV", "eth0"): "00:16:3e:00:02:00",
    ("dom0", "br0"): BRIDGE_MAC,
    ("dom0", "br1"): "00:16:3e:00:00:02",
    ("dom0", "br2"): "00:16:3e:00:00:03",
    ("dom0", "eth0"): "52:54:00:00:00:01",
    ("dom0", "eth1"): "52:54:00:00:00:02",
    ("outside", "eth0"): "52:54:00:00:00:fe",
    ("elsewhere", "eth1"): "52:54:00:00:00:fd",
}
ADDRESSES = {
    "10.1.0.1": ("dom0", "br0"),
    "10.1.0.11": ("domU", "eth0"),
    "10.1.0.12": ("domV", "eth0"),
    "10.1.0.60": ("outside", "eth0"),
    "10.1.0.61": ("elsewhere", "eth1"),
    "10.1.2.1": ("dom0", "br1"),
    "10.1.2.11": ("domU", "eth1"),
    "10.1.3.1": ("dom0", "br2"),
    "10.1.3.11": ("domU", "eth2"),
    "192.0.2.1": ("dom0", "eth0"),
    "198.51.100.80": ("outside", "eth0"),
}
OUTSIDE = ("10.1.0.60", "fd01::60", "198.51.100.80")
SIX = {"10.1.0": "fd01", "10.1.2": "fd12", "10.1.3": "fd13"}
FRAME = """
[domain.dom0.device.eth0]
kind = "nic"
wire = "lan"
bridge = "br0"
features = { CARD }
[domain.dom0.device.eth1]
kind = "nic"
wire = "far"
bridge = "br0"
features = { gro = false }
[domain.dom0.device."vif1.0"]
kind = "vif"
peer = "domU:eth0"
bridge = "br0"
[domain.dom0.device."vif1.1"]
kind = "vif"
peer = "domU:eth1"
bridge = "br1"
[domain.dom0.device."vif1.2"]
kind = "vif"
peer = "domU:eth2"
bridge = "br2"
xenstore = { feature-ipv6-csum-offload = false }
[domain.dom0.device."vif2.0"]
kind = "vif"
peer = "domV:eth0"
bridge = "br0"
[domain.dom0.device.br0]
kind = "bridge"
address = ["10.1.0.1/24", "fd01::1/64"]
[domain.dom0.device.br1]
kind = "bridge"
address = ["10.1.2.1/24", "fd12::1/64"]
[domain.dom0.device.br2]
kind = "bridge"
address = ["10.1.3.1/24", "fd13::1/64"]
[domain.domU.device.eth0]
kind = "netfront"
address = ["10.1.0.11/24", "fd01::11/64"]
[domain.domU.device.eth1]
kind = "netfront"
address = ["10.1.2.11/24", "fd12::11/64"]
xenstore = { feature-no-csum-offload = true }
[domain.domU.device.eth2]
kind = "netfront"
address = ["10.1.3.11/24", "fd13::11/64"]
[[domain.domU.route]]
to = "default"
device = "eth0"
via = "10.1.0.1"
[domain.domV.device.eth0]
kind = "netfront"
address = ["10.1.0.12/24", "fd01::12/64"]
[domain.outside]
outside = true
[domain.outside.device.eth0]
kind = "nic"
wire = "lan"
address = ["10.1.0.60/24", "198.51.100.80/24", "fd01::60/64"]
[domain.elsewhere]
outside = true
[domain.elsewhere.device.eth1]
kind = "nic"
wire = "far"
address = ["10.1.0.61/24", "fd01::61/64"]
"""
"""The card eth0 is an e1000, whose driver starts with rx-checksum off, eth1 an e1000e."""
BRIDGED = FRAME.replace("CARD", "rx-checksum = false")
ROUTED = (
    BRIDGED.replace('wire = "lan"\nbridge = "br0"', 'wire = "lan"\naddress = ["192.0.2.1/24"]')
    .replace('address = ["10.1.0.60/24", "198.51.100.80/24", "fd01::60/64"]', 'address = ["192.0.2.254/24"]')
    .replace("[domain.dom0.device.eth0]", "[domain.dom0]\nforwarding = true\nSYSCTL[domain.dom0.device.eth0]")
    + """
[[domain.dom0.route]]
to = "default"
device = "eth0"
via = "192.0.2.254"
[[domain.dom0.nat]]
kind = "masquerade"
device = "eth0"
source = "10.1.0.0/24"
[[domain.dom0.nat]]
kind = "dnat"
device = "eth0"
address = "10.1.0.11"
"""
)


def with_features(host: str, device: str, features: str) -> str:
    """The host with features set on one device, named by its line."""
    assert device + "\n" in host
    return host.replace(device + "\n", f"{device}\nfeatures = {{ {features} }}\n")


GUEST_ROUTER = (
    with_features(BRIDGED, "[domain.domV.device.eth0]", "gro = false").replace(
        "[domain.domU.device.eth0]", "[domain.domU]\nforwarding = true\n[domain.domU.device.eth0]"
    )
    + """
[[domain.dom0.route]]
to = "10.1.0.12/32"
device = "br1"
via = "10.1.2.11"
[[domain.dom0.route]]
to = "fd01::12/128"
device = "br1"
via = "fd12::11"
"""
)
"""dom0 sends to domV by way of domU, which has verified what it passes on; domV believes what its ring says, without looking again."""
UNVERIFIED = 'sysctl = { "net.netfilter.nf_conntrack_checksum" = false }\n'
FEATURES = ("dom0:eth0", "dom0:eth1", "dom0:br0", "dom0:vif1.0", "dom0:vif1.1", "dom0:vif1.2", "domU:eth0", "domU:eth1", "domU:eth2")
WATCH = {
    "dom0": ("eth0", "eth1", "br0", "br1", "br2", "vif1.0", "vif1.1", "vif1.2", "vif2.0"),
    "domU": ("eth0", "eth1", "eth2"),
    "domV": ("eth0",),
}
LISTEN = {
    "dom0": ("10.1.0.1", "10.1.2.1", "10.1.3.1", "fd01::1", "fd12::1", "fd13::1"),
    "domU": ("10.1.0.11", "10.1.2.11", "10.1.3.11", "fd01::11", "fd12::11", "fd13::11"),
    "domV": ("10.1.0.12", "fd01::12"),
}
VIFS = {
    "vif1.0": ("br0", ("domU", "eth0")),
    "vif1.1": ("br1", ("domU", "eth1")),
    "vif1.2": ("br2", ("domU", "eth2")),
    "vif2.0": ("br0", ("domV", "eth0")),
}


def plan_of_host() -> dict[str, object]:
    """What dom0 does before the first scene."""
    owned = {place: [(a, device) for a, (owner, device) in ADDRESSES.items() if owner == place] for place in ("dom0", "domU", "domV")}
    commands = []
    for number in range(3):
        bridge = f"br{number}"
        commands += [
            f"ip link add {bridge} type bridge forward_delay 0 mcast_snooping 0",
            f"ip link set {bridge} address {MACS['dom0', bridge]}",
        ]
        commands += [f"ip link set {bridge} up"]
    for vif, (bridge, other) in VIFS.items():
        commands += [f"ip link set {vif} master {bridge}", f"bridge fdb replace {MACS[other]} dev {vif} master static"]
    commands += ["ip link set eth0 up", "ethtool -K eth1 gro off", "ip link set eth1 up"]
    for address, device in owned["dom0"]:
        if device.startswith("br"):
            commands += _address(address, device)
    commands += _neighbours("dom0")
    return {
        "settings": {
            "net/ipv6/conf/default/accept_dad": "0",
            "net/ipv6/conf/all/accept_dad": "0",
            "net/ipv4/conf/all/rp_filter": "0",
            "net/ipv4/conf/default/rp_filter": "0",
        },
        "commands": commands,
        "domains": [
            {
                "name": "domU",
                "vifs": [
                    {"mac": MACS["domU", "eth0"], "bridge": "br0"},
                    {"mac": MACS["domU", "eth1"], "bridge": "br1", "frontend": {"feature-no-csum-offload": "1"}},
                    {"mac": MACS["domU", "eth2"], "bridge": "br2", "backend": {"feature-ipv6-csum-offload": "0"}},
                ],
                "commands": _configured("domU", owned["domU"]),
            },
            {"name": "domV", "vifs": [{"mac": MACS["domV", "eth0"], "bridge": "br0"}], "commands": _configured("domV", owned["domV"])},
        ],
        "features": FEATURES,
        "xenstore": [f"/local/domain/{path}" for path in ("0/backend/vif/1/0", "1/device/vif/0", "1/device/vif/1", "0/backend/vif/1/2")],
    }


def _address(address: str, device: str) -> list[str]:
    net, _, last = address.rpartition(".")
    found = [f"ip addr add {address}/24 dev {device}"]
    return found + ([f"ip addr add {SIX[net]}::{last}/64 dev {device} nodad"] if net in SIX else [])


def _configured(place: str, owned: list[tuple[str, str]]) -> list[str]:
    commands = []
    for address, device in owned:
        commands += [f"ip link set {device} up", *_address(address, device)]
    return [*commands, *_neighbours(place), "ip route add default via 10.1.0.1", "ip route add default via fd01::1"]


def _neighbours(place: str) -> list[str]:
    """Everybody's hardware address, so that nobody has to ask."""
    mine = {address.rpartition(".")[0]: device for address, (owner, device) in ADDRESSES.items() if owner == place}
    commands = []
    for address, owner in ADDRESSES.items():
        net, _, last = address.rpartition(".")
        if owner[0] != place and net in SIX and net in mine:
            commands += [f"ip neigh replace {each} lladdr {MACS[owner]} dev {mine[net]}" for each in (address, f"{SIX[net]}::{last}")]
    return commands


def four(address: str) -> str:
    """The IPv4 address that stands for an IPv6 one: they have the network and the last number in common."""
    if ":" not in address:
        return address
    net, _, last = address.partition("::")
    return f"{next(known for known, other in SIX.items() if other == net)}.{last}"


def six(address: str) -> str:
    """The IPv6 address that belongs to an IPv4 one."""
    net, _, last = address.rpartition(".")
    return f"{SIX[net]}::{last}"


def destination_of(data: bytes) -> str:
    """The destination of a packet, as an IPv4 address of ADDRESSES."""
    return four(str(ip_address(data[16:20] if data[0] >> 4 == 4 else data[24:40])))

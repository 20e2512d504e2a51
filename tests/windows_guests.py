"""Hosts with guests that run Windows, and the packets that tell what its stack and its drivers do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import frames
import hosts
from middleboxes import Middlebox

from csumlab.topology.load import parse_topology
from csumlab.topology.model import Topology
from csumlab.topology.options import OF_NETKVM
from csumlab.topology.presets import PRESETS

GUEST, SERVER, HOST, OTHER = "192.0.2.11", "198.51.100.80", "192.0.2.1", "192.0.2.12"
GUEST6, SERVER6, HOST6, OTHER6 = "2001:db8:2::11", "2001:db8:7::80", "2001:db8:2::1", "2001:db8:2::12"
KINDS = (
    "tcp",
    "udp",
    "ping",
    "sctp",
    "tcp, damaged",
    "udp, damaged",
    "udp, none",
    "tcp, wrong IPv4 sum",
    "tcp, first fragment",
    "tcp, extensions",
    "udp, partial, sum 0",
    "tcp, long",
    "udp, long",
    "ipip",
    "tcp, trailer",
)
CARD = (
    """
at = "guest:eth0"
[domain.guest]
preset = "windows"
[domain.guest.device.eth0]
kind = "nic"
wire = "lan"
WORDS
address = ["192.0.2.11/24", "2001:db8:2::11/64"]
[[domain.guest.route]]
to = "default"
device = "eth0"
via = "192.0.2.254"
[[domain.guest.route]]
to = "::/0"
device = "eth0"
via = "2001:db8:2::fe"
"""
    + hosts.OUTSIDE
)
SWITCHED = (
    """
at = "guest:eth0"
[domain.host]
preset = "HOST"
[domain.host.device.eth0]
kind = "nic"
wire = "lan"
CARD
bridge = "switch"
[domain.host.device.port1]
kind = "PORT"
peer = "guest:eth0"
bridge = "switch"
[domain.host.device.port2]
kind = "PORT"
peer = "other:eth0"
bridge = "switch"
[domain.host.device.switch]
kind = "bridge"
address = ["192.0.2.1/24", "2001:db8:2::1/64"]
[domain.guest]
preset = "WINDOWS"
[domain.guest.device.eth0]
kind = "KIND"
WORDS
address = ["192.0.2.11/24", "2001:db8:2::11/64"]
[[domain.guest.route]]
to = "default"
device = "eth0"
via = "192.0.2.254"
[[domain.guest.route]]
to = "::/0"
device = "eth0"
via = "2001:db8:2::fe"
[domain.other]
[domain.other.device.eth0]
kind = "KIND"
CLAIMS
address = ["192.0.2.12/24", "2001:db8:2::12/64"]
"""
    + hosts.OUTSIDE
)
"""A guest, another one that runs Linux, and the switch between them."""


FAMILIES = ("card", "xenvif", "gplpv", "netvsc", "vmxnet3", "openvmm", "openvmm-2026-06", "openvmm-2026-03", "openvmm-2025-08")
"""Of :func:`machines`, those that are of no other systems too."""


def every() -> Iterator[Middlebox]:
    for name, topology in (each for preset in PRESETS for each in machines(preset).items()):
        ends = [("guest", GUEST, SERVER), ("guest", GUEST6, SERVER6), ("outside", SERVER, GUEST), ("outside", SERVER6, GUEST6)]
        if "host" in topology.domains:
            ends += [("host", HOST, GUEST), ("host", HOST6, GUEST6)]
        if "other" in topology.domains:
            ends += [("other", OTHER, GUEST), ("other", OTHER6, GUEST6)]
        for origin, source, destination in ends:
            yield Middlebox(f"windows, {name}, {source} to {destination}", topology, origin, packets(source, destination), states=False)


def machines(preset: str) -> dict[str, Topology]:
    """Hosts of guests with a preset of Windows; of one that differs in little those where that shows. None of other presets."""

    def kvm(guest: str = "", tap: str = "") -> Topology:
        text = hosts.KVM.replace("[domain.guest]\nforwarding = true", f'[domain.guest]\npreset = "{preset}"')
        text = text.replace('reader = "READER"\n', "").replace("GUEST", guest)
        jumbo = "mtu = 9000\n" if "merged-buffers" in guest else ""
        return parse_topology(text.replace("TAP", tap).replace("FILL", "false").replace('kind = "', f'{jumbo}kind = "'))

    if preset == "windows-virtio-win-0.1.113":
        return {"kvm, no header, 0.1.113": kvm(tap="vnet-hdr = false")}
    if preset == "windows-gplpv":
        return {f"gplpv{name}": switched("xen", preset, **words) for name, words in XEN.items() if name in ("", ", damage vouched for")}
    if preset != "windows":
        return {}
    found = {"kvm": kvm(), "kvm, tx off": kvm("features = { tx = false }"), "kvm, rx off": kvm("features = { rx = false }")}
    found["kvm, tso off"] = kvm("features = { tso = false }")
    found["kvm, uso"] = kvm("features = { tx-udp-segmentation = true }")
    found["kvm, no header"] = kvm(tap="vnet-hdr = false")
    for option in OF_NETKVM:
        found[f"kvm, {option}"] = kvm(f"options = {{ {option} = true }}")
    for name, words in (("card", ""), ("card, rx off", "features = { rx = false }")):
        found[name] = parse_topology(CARD.replace("WORDS", words))
    found |= {f"xenvif{name}": switched("xen", preset, **words) for name, words in XEN.items()}
    for kind in ("netvsc", "vmxnet3"):
        for name, words in (("", ""), (", tx off", "features = { tx = false }"), (", rx off", "features = { rx = false }")):
            found[f"{kind}{name}"] = switched(kind, preset, WORDS=words)
    for name in ("openvmm", "openvmm-2026-06", "openvmm-2026-03", "openvmm-2025-08"):
        found[name] = switched("netvsc", preset, HOST=name)
        found[f"{name}, forwards"] = forwarding(name, preset)
    return found


def forwarding(host: str, preset: str) -> Topology:
    """The host between its guests and the outside is a router."""
    text = switched_text("netvsc", preset, HOST=host)
    text = text.replace('wire = "lan"\n\nbridge = "switch"\n', 'wire = "lan"\naddress = ["192.0.2.129/25", "2001:db8:2:80::1/64"]\n', 1)
    text = text.replace("[domain.host]", "[domain.host]\nforwarding = true").replace(".1/24", ".1/25").replace(".254/24", ".254/25")
    text = text.replace('via = "192.0.2.254"', 'via = "192.0.2.1"').replace('via = "2001:db8:2::fe"', 'via = "2001:db8:2::1"')
    text = text.replace("2001:db8:2::fe/64", "2001:db8:2:80::fe/64")
    for to, via in (("default", "192.0.2.254"), ("::/0", "2001:db8:2:80::fe")):
        text += f'[[domain.host.route]]\nto = "{to}"\ndevice = "eth0"\nvia = "{via}"\n'
    return parse_topology(text)


KINDS_OF = {"xen": ("linux-6.1", "vif", "netfront"), "netvsc": ("hyper-v", "netvsp", "netvsc"), "vmxnet3": ("esxi", "vmport", "vmxnet3")}
XEN = {
    "": {},
    ", rx off": {"WORDS": "features = { rx = false }"},
    ", tx off": {"WORDS": "features = { tx = false }"},
    ", damage vouched for": {"CLAIMS": "options = { claims-verified = true }"},
}
"""What is said of a guest of Xen, and of the other one."""


def switched(by: str, preset: str, **words: str) -> Topology:
    return parse_topology(switched_text(by, preset, **words))


def switched_text(by: str, preset: str, **words: str) -> str:
    host, port, kind = KINDS_OF[by]
    text = SWITCHED
    replaced = {"WORDS": "", "CLAIMS": "", "CARD": "", "HOST": host, "PORT": port, "KIND": kind, "WINDOWS": preset, **words}
    for word, value in replaced.items():
        text = text.replace(word, value)
    return text


def packets(source: str, destination: str) -> Mapping[str, bytes]:
    """What of all kinds the stack or a driver tells apart."""
    import walks  # It imports this module.

    version = 6 if ":" in source else 4
    found = {name: frame for name, frame in walks.packets_between(source, destination, version).items() if name in KINDS}
    around = frames.ipv6 if version == 6 else frames.ipv4
    found["udp, several buffers"] = frames.ethernet(around(frames.udp(bytes(6000), 53), source, destination)).data
    found["udp, several buffers, damaged"] = found["udp, several buffers"][:-1] + b"D"
    if version == 6:
        extension = ((60, bytes([0, 0, 1, 4, 0, 0, 0, 0])),)
        damaged = frames.ethernet(frames.ipv6(frames.udp(b"payload", 53), source, destination, extensions=extension)).data
        found["udp, extensions, damaged"] = damaged[:-1] + b"D"
    return found

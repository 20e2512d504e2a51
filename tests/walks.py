"""Walks for tests: hosts, the packets that are sent through them, and both interpreters side by side."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import cutters
import detours
import everybody
import frames
import hosts
import listed
import meshes
import middleboxes
import numpy as np
import peculiar
import rewriters
import segmented
import undivided
import windows_guests
from oracles_vm import sites

from csumlab.classes import headers_of, numbers, observed
from csumlab.dissection import Dissection, dissect_packet
from csumlab.forms import Form
from csumlab.headers import KINDS, Layer
from csumlab.index import Columns, Index
from csumlab.inet import negate, residue, spell
from csumlab.interpreting import Packet
from csumlab.packet import Header, outer_transport
from csumlab.plain.packet import FramePacket
from csumlab.state import NetBuffer, Skb, State, Summed, XenSkb
from csumlab.symbolic.packet import SymbolicPacket
from csumlab.symbolic.sums import Undecided
from csumlab.topology.load import parse_topology
from csumlab.topology.model import Topology
from csumlab.topology.options import BRIDGE_CALLS
from csumlab.topology.presets import PRESETS
from csumlab.topology.written import to_toml
from csumlab.trace import Fate, Trace
from csumlab.walk import Walker
from csumlab.walking.places import Undetermined


def host(text: str, **words: str) -> Topology:
    for word, value in words.items():
        text = text.replace(word, value)
    return parse_topology(text)


def hosts_of(preset: str) -> dict[str, Topology]:
    """Every host of ``hosts`` with this preset; of those that differ from a neighbour in few tables, hosts that come by these."""
    if PRESETS[preset].family is NetBuffer:
        return windows_guests.machines(preset)
    if preset in NEIGHBOURS:
        return neighbouring_hosts(preset)
    found = {
        "bridge": host(hosts.BRIDGE, PRESET=preset),
        "router": host(hosts.ROUTER, PRESET=preset, CONNTRACK="true", VERIFY="true"),
        "router, unverified": host(hosts.ROUTER, PRESET=preset, CONNTRACK="true", VERIFY="false"),
        "router, no conntrack": host(hosts.ROUTER, PRESET=preset, CONNTRACK="false", VERIFY="true"),
        "nat": host(hosts.NAT, PRESET=preset, VERIFY="true", TOPORT="40000"),
        "nat, unverified": host(hosts.NAT, PRESET=preset, VERIFY="false", TOPORT="0"),
        "vpn": host(hosts.VPN, PRESET=preset),
        "bridge, nothing offloaded": host(
            hosts.BRIDGE.replace('wire = "lan"\nbridge', 'wire = "lan"\nfeatures = { tx = false, rx = false }\nbridge'), PRESET=preset
        ),
    }
    if preset == "linux-6.1":
        found["direct"] = host(hosts.DIRECT)
        found["direct, netem"] = host(hosts.DIRECT.replace('kind = "veth"', 'kind = "veth"\noptions = { netem-corrupt = true }', 1))
        found |= hooked_hosts()
        older = host(hosts.BRIDGE, PRESET="xen-3.0.0")
        found["older dom0"] = with_preset(older, domU="linux-6.1")
        found["older dom0, 3.12"] = with_preset(older, domU="linux-3.12")
        found["older guest, 3.12"] = with_preset(older, dom0="linux-3.12")
        found["unsummed"] = host(hosts.DIRECT.replace("local =", "options = { udpcsum = false }\nlocal ="))
        found |= kvm_hosts() | switched_hosts() | card_hosts() | reading_hosts() | cutters.hosts()
        found |= rewriters.hosts() | rewriters.programmed_hosts()
        found |= {f"claims, {name}": host(hosts.CLAIMS, PRESET=preset, CLAIM=f"claims-{name}") for name in ("owed", "verified", "nothing")}
        odd = hosts.BRIDGE.replace('wire = "lan"\nbridge', 'wire = "lan"\nfeatures = { rx = false, gro = false }\nbridge')
        odd = odd.replace(
            'kind = "netfront"', 'kind = "netfront"\nfeatures = { tx-checksum-ip-generic = true, vlan-checksum = true, rx-gro = false }'
        )
        odd = odd.replace('kind = "vif"', 'kind = "vif"\nfeatures = { tx-checksum-ip-generic = true, vlan-checksum = true }')
        found["bridge, odd features"] = host(odd, PRESET=preset)
        for name, rule in (("vxlan", ""), ("vxlan nat", hosts.MASQUERADE)):
            for csum in ("true", "false"):
                for encapsulated in ("true", "false"):
                    topology = host(hosts.VXLAN, UDPCSUM=csum, ENCAPSULATED=encapsulated, NATRULE=rule)
                    found[f"{name}, udpcsum {csum}, hw-enc {encapsulated}"] = topology
        found |= tunnel_hosts() | overlay_hosts()
        found |= {f"vxlan, csum action{more}": summing_anew(preset, more) for more in ("", ", cards segment")}
        found["sends, datagrams to be segmented"] = asking(preset)
        found |= {f"gathered, {name}": gathering(preset, *words) for name, words in GATHERED.items()}
        found |= {f"encrypted, sums left {left}": encrypted(preset, left) for left in ("true", "false")}
    elif preset == "xen-3.0.0":
        found |= {f"tunnel, {name}": of_one_kernel(two_sites(*TUNNELS[name]), preset) for name in ("gre", "gre, csum", "vlan", "esp")}
        found["gate, esp"] = found["tunnel, esp"]
    return found


def hooked_hosts() -> dict[str, Topology]:
    """Hosts whose bridged packets pass the hooks of IP: connection tracking alone, or translation of what leaves by the bridge."""
    calls = ", ".join(f'"{name}" = true' for name in BRIDGE_CALLS.values())
    text = hosts.BRIDGE.replace("[domain.dom0]", f"[domain.dom0]\nconntrack = true\nsysctl = {{ {calls} }}", 1)
    rule = '[[domain.dom0.nat]]\nkind = "masquerade"\ndevice = "xenbr0"\nsource = "192.0.2.8/29"\n'
    return {"bridge, netfilter": host(text, PRESET="linux-6.1"), "bridge, netfilter, masquerade": host(text + rule, PRESET="linux-6.1")}


TUNNELS: Mapping[str, tuple[str, ...]] = {
    "vxlan, remcsum": ("vxlan", "options = { remcsumtx = true, remcsumrx = true }"),
    "vxlan, remcsum, noudpcsum": ("vxlan", "options = { remcsumtx = true, remcsumrx = true, udpcsum = false }"),
    "vxlan, remcsum not heeded": ("vxlan", "options = { remcsumtx = true }"),
    "gre": ("gre",),
    "gre, csum": ("gre", "options = { csum = true }"),
    "gretap, csum": ("gretap", "options = { csum = true }"),
    "vxlan, gpe": ("vxlan", 'encap = "gpe"'),
    "erspan": ("erspan",),
    "bareudp": ("bareudp",),
    "bareudp, sum": ("bareudp", "options = { udpcsum = true }"),
    "gue, remcsum": ("ipip", 'encap = "gue"', "options = { encap-csum = true, encap-remcsum = true }"),
    "gue, remcsum, no sum": ("ipip", 'encap = "gue"', "options = { encap-remcsum = true }"),
    "l2tp": ("l2tp", 'encap = "udp"'),
    "wireguard": ("wireguard",),
    "ovpn": ("ovpn",),
    "ovpn, trusting": ("ovpn", "options = { dco-trusts = true }"),
    "esp": ("esp",),
    "vlan": ("vlan", 'lower = "wan0"', "id = 5"),
    "macsec": ("macsec", 'lower = "wan0"'),
    "pppoe": ("pppoe", 'lower = "wan0"'),
    "batman": ("batman", 'lower = "wan0"'),
}
"""Tunnels between two sites: their kind and what is said of both ends."""


def of_one_kernel(topology: Topology, preset: str) -> Topology:
    return parse_topology(to_toml(with_preset(topology, **dict.fromkeys(topology.domains, preset))))


FILLED = ("vxlan, remcsum", "gue, remcsum", "wireguard")
"""Those whose near gateway has a card below that sums nothing."""


def two_sites(kind: str, *more: str, filled: bool = False) -> Topology:
    text = sites.topology(kind, "tun0", "tun0", "".join(f"{line}\n" for line in more))
    if filled:
        text = text.replace('address = ["192.0.2.1/24"]', 'address = ["192.0.2.1/24"]\nfeatures = { tx = false }')
    return host(re.sub("(local|remote) = .*\n", "", text) if "lower" in text else text)


def over_ipv6(kind: str) -> Topology:
    text = sites.topology(kind, "tun0", "tun0")
    for end in ("1", "9"):
        text = text.replace(f'"192.0.2.{end}', f'"2001:db8::{end}').replace(f'"2001:db8::{end}/24"', f'"2001:db8::{end}/64"')
    return host(text)


def crc_tunnel(preset: str) -> Topology:
    """GRE with sums between two sites, on a device that cuts no super-frames of SCTP."""
    text = sites.topology("gre", "tun0", "tun0", "options = { csum = true }\n")
    text = text.replace('address = ["192.0.2.1/24"]', 'address = ["192.0.2.1/24"]\nfeatures = { tx-sctp-segmentation = false }')
    return of_one_kernel(host(text), preset)


def tunnel_hosts() -> dict[str, Topology]:
    """Two sites joined by each kind of tunnel; two machines that speak IPsec in transport mode, with a translating router between them."""
    found = {f"tunnel, {name}": two_sites(*words, filled=name in FILLED) for name, words in TUNNELS.items()}
    for name, encap in (("transport", ""), ("transport, natt", 'encap = "udp"')):
        found[name] = host(
            hosts.TRANSPORT, ENCAP=encap, NATRULE=hosts.TRANSPORT_NAT if encap else "", SEEN="192.0.2.7" if encap else "10.1.0.2"
        )
    return found


def overlay_hosts() -> dict[str, Topology]:
    """Tunnels as ports of bridges, of both hosts or of one."""
    bridged = {"FARPORT": 'bridge = "br0"', "FARBRIDGE": 'address = ["10.5.0.254/24"]'}
    found = {f"overlay, {kind}": host(hosts.OVERLAY, KIND=kind, **bridged) for kind in ("vxlan", "gretap", "vpn")}
    found["overlay end"] = host(hosts.OVERLAY, KIND="vxlan", FARPORT='address = ["10.5.0.254/24"]', FARBRIDGE='address = ["10.6.0.254/24"]')
    return found


def summing_anew(preset: str, more: str = "") -> Topology:
    """A pod whose VXLAN packets leave by a card before which tc sums UDP anew; the card may segment inside of tunnels."""
    text = hosts.VXLAN + '[[domain.host.edit]]\nby = "act-csum"\ndevice = "eth0"\nway = "out"\nsums = ["udp"]\n'
    card = ", tx-udp_tnl-csum-segmentation = true" if more else ""
    text = text.replace("hw-enc-checksum = ENCAPSULATED", f"hw-enc-checksum = true{card}")
    return of_one_kernel(host(text, UDPCSUM="true", NATRULE=""), preset)


def encrypted(preset: str, left: str) -> Topology:
    """VXLAN in IPsec in transport mode; super-frames are cut just before they are encrypted, and sums ``left`` to the card or not."""
    text = hosts.TRANSPORT.replace("left", "alpha").replace("transport = true", "transport = true, esp-offload = true")
    text = text.replace('peer = "router:eth0"', f'peer = "router:eth0"\nfeatures = {{ tx = {left} }}')
    for name, local, remote, inside in (("alpha", "10.1.0.2", "192.0.2.9", "10.244.0.1"), ("right", "192.0.2.9", "10.1.0.2", "10.244.3.3")):
        text += f'[domain.{name}.device.vxlan0]\nkind = "vxlan"\nlocal = "{local}"\nremote = "{remote}"\naddress = ["{inside}/16"]\n'
    return of_one_kernel(host(text, ENCAP="", NATRULE="", SEEN="10.1.0.2"), preset)


GATHERED = {
    "at the end": (False, "true", "true"),
    "at the end, card verifies nothing": (False, "false", "true"),
    "at the end, no outer sum": (False, "true", "false"),
    "on the way": (True, "true", "true"),
    "on the way, card verifies nothing": (True, "false", "true"),
}


def gathering(preset: str, forwarded: bool, verifies: str, summed: str) -> Topology:
    """VXLAN from a card that segments inside of it to a host that merges: its own, or that of a pod in it."""
    tunnel = f'kind = "vxlan"\noptions = {{ udpcsum = {summed} }}\n'
    local = "10.9.0.2" if forwarded else "192.0.2.9"
    host_of = "pod" if forwarded else "host"
    text = (
        '[domain.far]\n[domain.far.device.eth0]\nkind = "nic"\nwire = "lan"\naddress = ["192.0.2.7/24"]\n'
        "features = { hw-enc-checksum = true, tx-udp_tnl-segmentation = true, tx-udp_tnl-csum-segmentation = true, "
        "tx-udp-segmentation = true }\n"
        f'[domain.far.device.vxlan0]\n{tunnel}local = "192.0.2.7"\nremote = "{local}"\naddress = ["10.244.0.1/16"]\n'
        '[[domain.far.route]]\nto = "10.9.0.0/24"\ndevice = "eth0"\nvia = "192.0.2.9"\n'
        '[domain.host]\nforwarding = true\n[domain.host.device.eth0]\nkind = "nic"\nwire = "lan"\naddress = ["192.0.2.9/24"]\n'
        f"features = {{ rx-udp-gro-forwarding = true, rx-checksum = {verifies} }}\n"
        '[domain.host.device.veth1]\nkind = "veth"\npeer = "pod:eth0"\naddress = ["10.9.0.1/24"]\n'
        '[domain.pod]\n[domain.pod.device.eth0]\nkind = "veth"\naddress = ["10.9.0.2/24"]\n'
        '[[domain.pod.route]]\nto = "default"\ndevice = "eth0"\nvia = "10.9.0.1"\n'
        f'[domain.{host_of}.device.vxlan0]\n{tunnel}local = "{local}"\nremote = "192.0.2.7"\naddress = ["10.244.3.3/16"]\n'
    )
    return of_one_kernel(host(text), preset)


def asking(preset: str) -> Topology:
    """A host without transmit checksumming whose programs ask for segmentation of their datagrams."""
    card = hosts.CARD.replace('card = "CARD"', "features = { tx = false }\noptions = { udp-segment = true }")
    return of_one_kernel(host(card, TRACKS="false"), preset)


NEIGHBOURS = {
    "xen-2005-10": ("nat",),
    "xen-3.0.1": ("veth0",),
    "xen-2006-04-02": ("pair", "nat"),
    "xen-3.0.2": ("pair",),
    "xen-3.0.3": ("pair", "veth0", "generic", "nothing offloaded", "tunnel, esp", "gate, esp"),
    "xenlinux-2.6.18": ("nat", "nat, unverified"),
    "linux-2.6.15": ("dsl",),
    "linux-4.7": ("rewriting, csum in", "edits, conntrack", "container, sctp, masqueraded"),
    "linux-4.5": ("rewriting, openvswitch", "tunnel, gre", "tunnel, vxlan", "tunnel, vxlan over ipv6", "tunnel, geneve"),
    "linux-4.4": ("direct", "direct, rx off", "direct, tx off", "direct, hw-enc off", "pair"),
    "freebsd-10": ("pair", "nat", "kvm", "hears", "hears, nothing merged"),
    "freebsd-14": ("hears", "hears, nothing merged"),
    "freebsd-13": ("nat",),
    "freebsd-15": ("kvm", "tunnel, esp", "gate, esp"),
    "mirage-firewall": ("qubes",),
    "openbsd-5.4": ("nat", "nat, bare card"),
    "linux-6.10": ("kvm, one kernel",),
    "linux-6.18": ("entered, xdp", "edits, bpf-ipv6"),
    "linux-5.14": ("edits, openvswitch", "edits, marks by openvswitch"),
    "linux-5.10": ("switched, own port", "switched, netvsc"),
    "linux-5.8": ("switched, ipip",),
    "linux-5.7": ("tunnel, sctp",),
    "linux-5.6": ("vxlan nat",),
    "linux-4.20": ("edits, conntrack", "edits, openvswitch", "switched, netvsc", "switched, netvsc, rx off", "rewriting, csum in"),
    "linux-4.19": ("hears, trailer",),
    "linux-4.17": ("hears, trailer",),
    "linux-4.9": ("published, ipvs", "nat", "container, sctp", "container, sctp, tx off", "sends, sctp", "switched, netvsc"),
    "linux-6.11": ("sends, datagrams to be segmented", "pair"),
    "linux-6.12": ("sends, datagrams to be segmented", "vxlan, csum action", "encrypted", "gathered, on the way"),
    "linux-3.12": ("pair", "odd", "claims, owed", "claims, nothing"),
}
"""Presets that differ from a neighbour in few tables, and the hosts that come by them."""
NEIGHBOURING_KINDS = {
    "tcp",
    "udp",
    "ping",
    "tcp, damaged",
    "udp, damaged",
    "udp, none",
    "tcp, trailer",
    "udp, trailer",
    "tcp, partial",
    "tcp, first fragment",
    "tcp, tagged",
    "tcp, long",
    "tcp, extensions",
    "sctp",
    "sctp, long",
    "ipip",
    "udp, partial, sum 0",
    "udp, partial, sum 0, tagged",
    "tcp, wrong IPv4 sum",
    "tcp, TTL 1",
}


def neighbouring_hosts(preset: str) -> dict[str, Topology]:
    pair = hosts.CLAIMS.replace("options = { CLAIM = true }\n", "")
    nic = 'wire = "lan"\nbridge'
    made = {
        "nat": lambda: host(hosts.NAT, PRESET=preset, VERIFY="true", TOPORT="40000"),
        "nat, unverified": lambda: host(hosts.NAT, PRESET=preset, VERIFY="false", TOPORT="0"),
        "veth0": lambda: host(hosts.VETH0, PRESET=preset, TX="false"),
        "nat, bare card": lambda: host(
            hosts.NAT.replace('wire = "lan"', 'wire = "lan"\nfeatures = { rx = false }', 1), PRESET=preset, VERIFY="true", TOPORT="40000"
        ),
        "qubes": lambda: host(hosts.QUBES, PRESET=preset),
        "kvm": lambda: host(
            hosts.KVM.replace("[domain.guest]", f'[domain.guest]\npreset = "{preset}"'),
            TAP="",
            GUEST="",
            READER="",
            FILL="false",
        ),
        "kvm, one kernel": lambda: of_one_kernel(host(hosts.KVM, TAP="", GUEST="", READER="", FILL="false"), preset),
        "pair": lambda: host(pair, PRESET=preset),
        "entered, xdp": lambda: host(
            hosts.KVM.replace("[domain.guest]", f'[domain.guest]\npreset = "{preset}"'),
            TAP="TUN_F_CSUM = true",
            GUEST='virtio = "CTRL_GUEST_OFFLOADS"\nxdp = "pass"',
            READER="",
            FILL="false",
        ),
        "switched, netvsc": lambda: switched("netvsc", preset),
        "switched, netvsc, rx off": lambda: switched("netvsc", preset, "features = { rx = false }"),
        "switched, own port": lambda: switched("vmxnet3", preset, tunnel="vxlan port = 4799"),
        "switched, ipip": lambda: switched("vmxnet3", preset),
        "generic": lambda: host(
            pair.replace(nic, 'wire = "lan"\nfeatures = { tx-checksum-ip-generic = true, tx-checksum-ipv4 = false }\nbridge'), PRESET=preset
        ),
        "nothing offloaded": lambda: host(pair.replace(nic, 'wire = "lan"\nfeatures = { tx = false, rx = false }\nbridge'), PRESET=preset),
        "odd": lambda: host(
            pair.replace(nic, 'wire = "lan"\nfeatures = { rx = false, gro = false }\nbridge')
            .replace('kind = "vif"', 'kind = "vif"\nfeatures = { tx-checksum-ip-generic = true, vlan-checksum = true }')
            .replace('kind = "netfront"', 'kind = "netfront"\nfeatures = { rx-gro = false }'),
            PRESET=preset,
        ),
        "tunnel, esp": lambda: of_one_kernel(two_sites("esp"), preset),
        "gate, esp": lambda: of_one_kernel(two_sites("esp"), preset),
        "tunnel, gre": lambda: of_one_kernel(two_sites("gre", "options = { csum = true }"), preset),
        "tunnel, vxlan": lambda: of_one_kernel(two_sites("vxlan", "options = { udpcsum = true }"), preset),
        "tunnel, vxlan over ipv6": lambda: of_one_kernel(over_ipv6("vxlan"), preset),
        "tunnel, geneve": lambda: of_one_kernel(two_sites("geneve", "options = { udpcsum = true }"), preset),
        "direct": lambda: _direct(preset),
        "direct, rx off": lambda: _direct(preset, "rx"),
        "direct, tx off": lambda: _direct(preset, "tx"),
        "direct, hw-enc off": lambda: _direct(preset, "hw-enc-checksum"),
        "hears": lambda: of_one_kernel(host(hosts.CARD.replace('card = "CARD"\n', ""), TRACKS="false"), preset),
        "hears, nothing merged": lambda: of_one_kernel(
            host(hosts.CARD.replace('card = "CARD"', "features = { gro = false }"), TRACKS="false"), preset
        ),
        "sends, datagrams to be segmented": lambda: asking(preset),
        "vxlan, csum action": lambda: summing_anew(preset),
        "encrypted": lambda: encrypted(preset, "true"),
        "gathered, on the way": lambda: gathering(preset, *GATHERED["on the way"]),
        "claims, owed": lambda: host(hosts.CLAIMS, PRESET=preset, CLAIM="claims-owed"),
        "claims, nothing": lambda: host(hosts.CLAIMS, PRESET=preset, CLAIM="claims-nothing"),
        "tunnel, sctp": lambda: crc_tunnel(preset),
        "container, sctp": lambda: of_one_kernel(crc_container(), preset),
        "container, sctp, tx off": lambda: of_one_kernel(crc_container("features = { tx = false }"), preset),
        "container, sctp, masqueraded": lambda: of_one_kernel(crc_container(rule=hosts.MASQUERADE), preset),
        "sends, sctp": lambda: of_one_kernel(crc_maker("tx-checksum-sctp = true"), preset),
        "hears, trailer": lambda: summing(preset, "rx-complete-packet"),
        "edits, marks by openvswitch": lambda: edited(preset, "openvswitch", hosts.MARKED_IN),
        "edits, conntrack": lambda: edited(preset, "conntrack"),
        "published, ipvs": lambda: rewriters.router(rewriters.by("ipvs", rewriters.PUBLISHED), preset, verify=False),
        "rewriting, csum in": lambda: rewriters.router(rewriters.edit("act-csum", "in", 'sums = ["tcp", "sctp"]'), preset, verify=False),
        "rewriting, openvswitch": lambda: rewriters.router(rewriters.by("openvswitch"), preset, verify=False, port=40000),
        "edits, openvswitch": lambda: edited(preset, "openvswitch"),
        "edits, bpf-ipv6": lambda: edited(preset, "bpf-ipv6"),
        "dsl": lambda: host(hosts.DSL, PRESET=preset),
        "vxlan nat": lambda: of_one_kernel(host(hosts.VXLAN, UDPCSUM="true", ENCAPSULATED="true", NATRULE=hosts.MASQUERADE), preset),
    }
    return {name: made[name]() for name in NEIGHBOURS[preset]}


SWITCHES = {"netvsc": ("hyper-v", "netvsp"), "vmxnet3": ("esxi", "vmport")}
"""Of a guest's device: its host and what is at the other end."""


def switched(kind: str, preset: str, words: str = "", tunnel: str = "ipip", host_preset: str = "", unfilled: bool = False) -> Topology:
    """Guests of Hyper-V or ESXi; ``tunnel`` is a kind, or one and what is said of it."""
    name, port = SWITCHES[kind]
    of, _, more = tunnel.partition(" ")
    text = hosts.SWITCHED if kind == "vmxnet3" else hosts.SWITCHED.replace("options = { tunnels-unfilled = UNFILLED }\n", "")
    replaced = {"UNFILLED": str(unfilled).lower(), "TUNNEL": of, "ENCAP": more, "WORDS": words, "HOST": host_preset or name}
    return host(text, **replaced, PORT=port, KIND=kind, PRESET=preset)


def switched_hosts() -> dict[str, Topology]:
    """Guests of virtual switches: with segments put together and not, with help in receiving switched off, with tunnels of all sorts."""
    found = {f"switched, {kind}": switched(kind, "linux-6.1") for kind in SWITCHES}
    for kind in SWITCHES:
        found[f"switched, {kind}, rx off"] = switched(kind, "linux-6.1", "features = { rx = false }")
        found[f"switched, {kind}, no lro"] = switched(kind, "linux-6.1", "features = { rx-lro = false }")
    found["switched, 2008"] = switched("netvsc", "linux-6.1", host_preset="hyper-v-2008")
    for tunnel in ("vxlan", "vxlan port = 8472", "geneve", "vxlan port = 4799"):
        found[f"switched, {tunnel}"] = switched("vmxnet3", "linux-6.1", tunnel=tunnel)
    levels = hosts.SWITCHED.replace('wire = "lan"\nbridge', 'wire = "lan"\ncard = "rx-levels"\nbridge', 1)
    words = {"UNFILLED": "false", "TUNNEL": "vxlan", "ENCAP": "", "WORDS": "features = { rx-gro = false }"}
    found["switched, levels"] = host(levels, **words, HOST="esxi", PORT="vmport", KIND="vmxnet3", PRESET="linux-6.1")
    found["switched, unfilled"] = switched("vmxnet3", "linux-6.1", tunnel="vxlan", unfilled=True)
    return found


def summing(preset: str, card: str) -> Topology:
    return host(hosts.CARD.replace("conntrack = TRACKS", f'preset = "{preset}"'), CARD=card)


def edited(preset: str, by: str, rules: str = hosts.PUBLISHED) -> Topology:
    """A host whose card hands up the sum of the packet, and that edits what comes in for itself, unverified."""
    text = hosts.CARD.replace("conntrack = TRACKS", f'preset = "{preset}"{hosts.UNVERIFIED}')
    return host(text + rules, CARD="rx-complete", EDITOR=by)


def _direct(preset: str, off: str = "") -> Topology:
    """A container and its host, with a feature of both ends of the veth pair switched off."""
    text = hosts.DIRECT.replace('kind = "veth"', f'kind = "veth"\nfeatures = {{ {off} = false }}') if off else hosts.DIRECT
    return of_one_kernel(host(text), preset)


def kvm_hosts() -> dict[str, Topology]:
    """Guests behind virtio and tap: as usual; with readers of packet sockets; a tap without a header whose reader left TUN_F_CSUM set;
    a guest that takes no unfinished sums and makes none; XDP; VPN programs that leave TUN_F_CSUM set."""

    def kvm(tap: str = "", guest: str = "", reader: str = "", fill: bool = False) -> Topology:
        return host(hosts.KVM, TAP=tap, GUEST=guest, READER=reader, FILL=str(fill).lower())

    vpn = hosts.VPN.replace(
        'kind = "vpn"\nlocal = "192.0.2.2"', 'kind = "vpn"\noptions = { TUN_F_CSUM = true, vnet-hdr = HEADER }\nlocal = "192.0.2.2"'
    )
    return {
        "kvm": kvm(),
        "unflagged": host(
            hosts.KVM.replace('reader = "READER"', "options = { gso-unflagged = true }"), TAP="", GUEST="", READER="", FILL="false"
        ),
        "served, reader": kvm(reader="dhcp-client", fill=True),
        "served, reader, tap left": kvm("vnet-hdr = false, TUN_F_CSUM = true", reader="dhcp-client"),
        "served, reader heeds": kvm(reader="dhcp-client-auxdata"),
        "entered, napi": kvm("napi = true", guest='virtio = "CTRL_GUEST_OFFLOADS"\nxdp = "pass"'),
        "macvtap": host(hosts.MACVTAP, TAP=""),
        **shared_hosts(),
        "lowered": host(hosts.MACVTAP, TAP="TUN_F_CSUM = false"),
        "xdp": host(hosts.XDP),
        "one-armed": host(hosts.ONE_ARMED, PODS=""),
        "one-armed, tx off": host(hosts.ONE_ARMED, PODS="features = { tx = false }"),
        "xdp, generic": host(hosts.XDP.replace('"redirect', '"generic redirect')),
        "xdp, unoffered": host(hosts.UNOFFERED),
        "tun, left set": host(vpn, PRESET="linux-6.1", HEADER="false"),
        "tun, header": host(vpn, PRESET="linux-6.1", HEADER="true"),
    }


def shared_hosts() -> dict[str, Topology]:
    """Containers on macvlan and ipvlan devices of a card that does nothing, and bonds of two cards of which one does not."""
    bare = "features = { tx = false, rx = false, gro = false }"
    inside = ("10.0.0.0/8", "2001:db8:77::/64")
    masquerade = "".join(f'[[domain.host.nat]]\nkind = "masquerade"\ndevice = "eth0"\nsource = "{source}"\n' for source in inside)
    words = {"KIND": "macvlan", "MODE": "bridge", "CONNTRACK": "", "FEATURES": bare, "MORE": "", "NET": "192.0.2"}
    routed = {**words, "KIND": "ipvlan", "MODE": "l3s", "CONNTRACK": masquerade, "NET": "10.8.0"}
    return {
        "shared": host(hosts.SHARED, **words),
        "shared, ipvlan": host(hosts.SHARED, **{**words, "KIND": "ipvlan", "MODE": "l2"}),
        "sharing router": host(hosts.SHARED, **{**words, "MORE": hosts.TRACKED_BEFORE}),
        "sharing router, ipvlan": host(hosts.SHARED, **{**words, "KIND": "ipvlan", "MODE": "l2", "MORE": hosts.TRACKED_BEFORE}),
        "masters": host(hosts.SHARED, **routed),
        "masters router": host(hosts.SHARED, **{**routed, "MORE": hosts.TRACKED_BEFORE}),
        "bonded": host(hosts.BONDED, KIND="bond", ACTIVE="", FEATURES=bare),
        "bonded, backup": host(hosts.BONDED, KIND="team", ACTIVE='active = "eth1"', FEATURES=bare),
    }


LENGTHS = (
    "tx-sums-padding",
    "tx-skips-short:0-50 tx-skips-end:0-9",
    "tx-start-limit:50-",
    "tx-driver-fills tx-start-limit:50- tx-sums-padding",
    "tx-skips-long:44-",
    "tx-driver-fills tx-skips-long:44-",
)
"""Cards that heed lengths, with numbers that the packets here have: a sum of IPv6 starts beyond 50 bytes."""


SCTP = {"sctp": "tx-checksum-sctp = true", "sctp, untagged": "tx-checksum-sctp = true, vlan-checksum = false"}
"""Features of a card that makes CRCs."""
SENDING = ("tx-hangs tx-drops-long6", "tx-stamps", "tx-stamps-right", "tx-skips-ptp", "tx-driver-fills tx-skips-ptp")


def crc_maker(features: str) -> Topology:
    """A host with these features of its card."""
    return host(hosts.CARD.replace('card = "CARD"', f"features = {{ {features} }}"), TRACKS="false")


def crc_container(features: str = "", rule: str = "") -> Topology:
    """A container that leaves its CRCs to a veth pair, behind a router whose card makes none."""
    text = hosts.VXLAN.replace("features = { hw-enc-checksum = ENCAPSULATED }", features)
    return host(text, UDPCSUM="true", NATRULE=rule)


def card_hosts() -> dict[str, Topology]:
    """Cards with behaviours of their own, alone and below a tunnel."""
    found = {
        f"sends, {card}": host(hosts.CARD, CARD=card, TRACKS="false")
        for card in ("tx-by-protocol", "tx-unfilled", "tx-blanks", "tx-tunnel-ports tx-udp-zero tx-unasked", *LENGTHS, *SENDING)
    }
    found["container, sctp"] = crc_container()
    found["tunnel, sctp"] = crc_tunnel("linux-6.1")
    for card in ("rx-trusts", "tx-seals-unfilled"):
        found[f"sealing, {card}"] = host(hosts.SEALING, CARD=card)
    for name, features in SCTP.items():
        found[f"sends, {name}"] = crc_maker(features)
    for card in (
        "rx-complete",
        "rx-complete-packet",
        "rx-complete rx-complete-other",
        "rx-complete rx-complete-behind-tag",
        "rx-complete rx-tagged-unsummed",
        "rx-levels rx-drops",
        "rx-trusts",
        "rx-trusts-fragments",
        "rx-merges",
        "rx-merges rx-merged-owed",
        "rx-merges rx-merged-seed",
        "rx-merges rx-blank-ip",
    ):
        found[f"hears, {card}"] = host(hosts.CARD, CARD=card, TRACKS="false")
    for card in ("rx-complete-under-xdp", "rx-complete"):
        found[f"edits, xdp, {card}"] = host(hosts.CARD + hosts.PUBLISHED, CARD=f'{card}"\nxdp = "pass', TRACKS="false", EDITOR="xdp")
    for by in ("openvswitch", "bpf", "nft"):
        found[f"edits, {by}"] = edited("linux-6.1", by)
    for by in ("openvswitch", "iptables"):
        found[f"edits, marks by {by}"] = edited("linux-6.1", by, hosts.MARKED_IN)
    found["dsl"] = host(hosts.DSL, PRESET="linux-6.1")
    tag = '[domain.host.device."eth0.7"]\nkind = "vlan"\nlower = "eth0"\nid = 7\n[domain.host.device.ppp0]'
    tagged = hosts.DSL.replace("[domain.host.device.ppp0]", tag).replace('lower = "eth0"\naddress', 'lower = "eth0.7"\naddress')
    found["dsl, vlan"] = host(tagged, PRESET="linux-6.1")
    for card in ("rx-complete", "rx-complete-packet"):
        found[f"hears, tracked, {card}"] = host(hosts.CARD, CARD=card, TRACKS="true")
    vxlan = hosts.VXLAN.replace('wire = "lan"\naddress = ["192.0.2.7', 'wire = "lan"\ncard = "tx-by-protocol"\naddress = ["192.0.2.7')
    vxlan = vxlan.replace('wire = "lan"\naddress = ["192.0.2.9', 'wire = "lan"\ncard = "rx-complete-packet"\naddress = ["192.0.2.9')
    for csum in ("true", "false"):
        found[f"vxlan, cards, udpcsum {csum}"] = host(vxlan, UDPCSUM=csum, ENCAPSULATED="true", NATRULE="")
    cuts = vxlan.replace(
        "hw-enc-checksum = ENCAPSULATED", "hw-enc-checksum = true, tx-udp_tnl-segmentation = true, tx-udp_tnl-csum-segmentation = true"
    )
    for word in ("tx-one-sum", "tx-missums-tunnels"):
        found[f"vxlan, cards, {word}"] = host(cuts.replace("tx-by-protocol", word), UDPCSUM="true", NATRULE="")
    found["kvm, emulated card"] = host(hosts.KVM.replace('kind = "virtio"\nGUEST', 'kind = "nic"'), TAP="", READER="", FILL="false")
    ports = cuts.replace("tx-by-protocol", "tx-inner-ports").replace('kind = "vxlan"', 'kind = "vxlan"\nport = 8472')
    found["vxlan, cards, tx-inner-ports"] = host(ports, UDPCSUM="true", NATRULE="")
    return found


def reading_hosts() -> dict[str, Topology]:
    """Programs that read or watch in place of the kernel's sockets, and drivers that say the same of every packet."""
    kvm = hosts.KVM.replace("FILL", "false")
    card = hosts.CARD.replace("TRACKS", "false").replace('card = "CARD"', "WORDS")
    vif = hosts.BRIDGE.replace('kind = "vif"', 'kind = "vif"\noptions = { heeds-rx-off = true }')
    found = {
        "served, reader trusts": host(kvm, TAP="", GUEST="", READER="trusts"),
        "entered, reader heeds": host(kvm, TAP="", GUEST="", READER="heeds-owed heeds-verified"),
        "bridge, heeded rx off": host(vif, PRESET="linux-6.1"),
    }
    for words in ("sums", "trusts", "heeds-owed heeds-verified"):
        found[f"kvm, watched, {words}"] = host(kvm, TAP="", GUEST="", READER=f"watches {words}")
    for claim in ("owed", "verified", "nothing", "ip-owed", "fragment-owed", "icmp-owed"):
        guest = f"options = {{ claims-{claim} = true }}"
        found[f"kvm, the guest claims {claim}"] = host(kvm, TAP="", GUEST=guest, READER="")
        found[f"entered, the host claims {claim}"] = host(kvm, TAP=f"claims-{claim} = true", GUEST="", READER="")
        if claim not in ("verified", "ip-owed"):
            found[f"sends, claims {claim}"] = host(card, WORDS=f"options = {{ claims-{claim} = true }}")
    complete = 'card = "rx-complete"\nreader = "heeds-verified valid-of-complete READ"'
    for name, words in (
        ("summed", complete.replace("READ", "")),
        ("summed, watched", complete.replace("READ", "watches")),
        ("fragments", 'reader = "sums-fragments"'),
        ("socket", 'xdp = "socket"\nreader = "sums"'),
        ("socket, UDP", 'xdp = "socket"\nreader = "udp-only trusts"'),
    ):
        found[f"hears, {name}"] = host(card, WORDS=words)
    return found


ENDS = {
    "sends": (("host", "192.0.2.7", "198.51.100.80"),),
    "hears": (("outside", "198.51.100.80", "192.0.2.7"),),
    "dsl": (("outside", "198.51.100.80", "192.0.2.7"), ("box", "10.1.0.2", "198.51.100.80")),
    "edits": (("outside", "198.51.100.80", "192.0.2.7"),),
    "kvm": (("guest", "192.0.2.11", "198.51.100.80"), ("outside", "198.51.100.80", "192.0.2.11"), ("host", "192.0.2.1", "192.0.2.11")),
    "older dom0": (("dom0", "192.0.2.1", "192.0.2.11"),),
    "older guest": (("domU", "192.0.2.11", "192.0.2.1"),),
    "unflagged": (("guest", "192.0.2.11", "198.51.100.80"),),
    "served": (("host", "192.0.2.1", "192.0.2.11"),),
    "entered": (("outside", "198.51.100.80", "192.0.2.11"), ("guest", "192.0.2.11", "192.0.2.1")),
    "macvtap": (("guest", "192.0.2.11", "192.0.2.254"), ("pod", "192.0.2.254", "192.0.2.11")),
    "shared": (("web", "192.0.2.10", "192.0.2.11"), ("web", "192.0.2.10", "198.51.100.80"), ("outside", "198.51.100.80", "192.0.2.11")),
    "masters": (("web", "10.8.0.10", "10.8.0.11"), ("web", "10.8.0.10", "198.51.100.80"), ("outside", "198.51.100.80", "192.0.2.1")),
    "sharing router": (("far", "10.7.0.2", "192.0.2.11"),),
    "masters router": (("far", "10.7.0.2", "198.51.100.80"),),
    "bonded": (("guest", "192.0.2.11", "198.51.100.80"), ("outside", "198.51.100.80", "192.0.2.11")),
    "lowered": (("pod", "192.0.2.254", "192.0.2.11"),),
    "xdp": (("pod", "192.0.2.21", "198.51.100.80"), ("outside", "198.51.100.80", "192.0.2.21")),
    "tun": (("dom0", "10.1.0.1", "172.16.0.1"),),
    "bridge": (("domU", "192.0.2.11", "198.51.100.80"), ("outside", "198.51.100.80", "192.0.2.11"), ("dom0", "192.0.2.1", "192.0.2.11")),
    "claims": (("domU", "192.0.2.11", "192.0.2.12"), ("domU", "192.0.2.11", "192.0.2.254")),
    "pair": (("domU", "192.0.2.11", "192.0.2.12"), ("domU", "192.0.2.11", "192.0.2.254"), ("outside", "192.0.2.254", "192.0.2.11")),
    "odd": (("dom0", "192.0.2.1", "192.0.2.11"), ("outside", "192.0.2.254", "192.0.2.11")),
    "qubes": (
        ("outside", "198.51.100.80", "10.138.0.5"),
        ("outside", "198.51.100.80", "10.137.0.2"),
        ("app", "10.138.0.5", "198.51.100.80"),
    ),
    "generic": (("domU", "192.0.2.11", "192.0.2.254"), ("dom0", "192.0.2.1", "192.0.2.254")),
    "nothing offloaded": (("domU", "192.0.2.11", "192.0.2.254"),),
    "veth0": (("domU", "10.1.0.11", "198.51.100.80"), ("dom0", "192.0.2.1", "198.51.100.80")),
    "router": (("dom0", "10.1.0.1", "198.51.100.80"), ("outside", "198.51.100.80", "10.1.0.3"), ("domV", "10.1.0.3", "10.1.0.1")),
    "nat": (("domU", "10.1.0.11", "198.51.100.80"), ("outside", "198.51.100.80", "192.0.2.1"), ("dom0", "10.1.0.1", "198.51.100.80")),
    "vpn": (("dom0", "10.1.0.1", "172.16.0.1"), ("office", "172.16.0.1", "10.1.0.1"), ("dom0", "10.1.0.1", "198.51.100.80")),
    "vxlan": (("pod", "10.244.0.1", "10.244.3.3"),),
    "vxlan nat": (("pod", "10.244.0.1", "10.244.3.3"),),
    "unsummed": (("pod", "10.244.0.1", "10.244.3.3"),),
    "direct": (("pod", "10.244.0.1", "10.244.3.3"), ("pod", "10.9.0.2", "10.9.0.1")),
}
ENDS |= {
    "switched": (
        ("guest", "192.0.2.11", "198.51.100.80"),
        ("outside", "198.51.100.80", "192.0.2.11"),
        ("guest", "192.0.2.11", "192.0.2.12"),
        ("guest", "10.7.0.1", "10.7.0.2"),
    )
}
ENDS |= {"sealing": (("pod", "10.1.0.5", "10.2.0.1"),)}
ENDS |= {"one-armed": (("pod", "192.0.2.21", "10.1.0.3"), ("pod", "192.0.2.21", "192.0.2.9"))}
ENDS |= {"container": (("pod", "10.9.0.2", "198.51.100.80"),)}
ENDS |= {"tunnel": (("left", "10.1.0.2", "10.3.0.2"),), "gate": (("near", "10.1.0.1", "10.3.0.2"),)}
ENDS |= {"overlay": (("a", "10.5.0.1", "10.5.0.2"),), "overlay end": (("a", "10.5.0.1", "10.5.0.254"),)}
ENDS |= {"gathered": (("far", "10.244.0.1", "10.244.3.3"), ("far", "192.0.2.7", "10.9.0.2"))}
ENDS |= {"encrypted": (("alpha", "10.244.0.1", "10.244.3.3"),)}
ENDS |= {"transport": (("left", "10.1.0.2", "192.0.2.9"),)}
ENDS |= dict.fromkeys(windows_guests.FAMILIES, (("guest", "192.0.2.11", "198.51.100.80"), ("outside", "198.51.100.80", "192.0.2.11")))
ENDS |= {"program": (("a", "10.1.0.11", "10.2.0.22"),)}
ENDS6 = {
    "masters": (("web", "2001:db8:8::10", "2001:db8:7::80"),),
    "masters router": (("far", "2001:db8:77::2", "2001:db8:7::80"),),
    "program": (("a", "fd00:1::11", "fd00:2::22"),),
    "one-armed": (("pod", "2001:db8:2::21", "2001:db8:9::3"),),
    "bridge": (("domU", "2001:db8:2::11", "2001:db8:7::80"), ("outside", "2001:db8:7::80", "2001:db8:2::11")),
    "odd": (("dom0", "2001:db8:2::1", "2001:db8:2::11"),),
    "claims": (("domU", "2001:db8:2::11", "2001:db8:2::12"),),
    "pair": (("domU", "2001:db8:2::11", "2001:db8:2::12"),),
    "sends": (("host", "2001:db8:2::7", "2001:db8:7::80"),),
    "switched": (("guest", "2001:db8:2::11", "2001:db8:7::80"), ("outside", "2001:db8:7::80", "2001:db8:2::11")),
    "hears": (("outside", "2001:db8:7::80", "2001:db8:2::7"),),
    "dsl": (("outside", "2001:db8:7::80", "2001:db8:2::7"),),
    "edits": (("outside", "2001:db8:7::80", "2001:db8:2::7"),),
}


def ends_of(name: str) -> Iterator[tuple[str, str, str, int]]:
    family = name.split(",")[0]
    if family == "rewriting":
        yield from rewriters.ENDS
        return
    if family == "published":
        yield from rewriters.PUBLISHED_ENDS
        return
    if MADE.get(family) is cutters.packets:
        yield from cutters.ends_of(name)
        return
    for origin, source, destination in ENDS[family]:
        yield origin, source, destination, 4
    for origin, source, destination in ENDS6.get(family, ()):
        yield origin, source, destination, 6


def packets_between(source: str, destination: str, version: int, payload: bytes = b"payload") -> dict[str, bytes]:
    """One Ethernet frame of each kind, every checksum right, unless the name says otherwise."""

    def made(inner: frames.Frame, **more: object) -> frames.Frame:
        if version == 4:
            return frames.ethernet(frames.ipv4(inner, source, destination, **more))  # type: ignore[arg-type]
        return frames.ethernet(frames.ipv6(inner, source, destination, **more))  # type: ignore[arg-type]

    ping = frames.icmp(payload) if version == 4 else frames.icmpv6(payload)
    much = payload * -(-1750 // len(payload))
    plain = {"tcp": made(frames.tcp(payload)), "udp": made(frames.udp(payload, 53)), "ping": made(ping)}
    found = {name: frame.data for name, frame in plain.items()}
    found["ptp"] = made(frames.udp(bytes(range(44)), 319)).data
    found["sctp"] = made(frames.sctp(payload)).data
    found["sctp, long"] = made(frames.sctp(much)).data
    found["sctp, tagged"] = found["sctp"][:12] + b"\x81\0\0\x07" + found["sctp"][12:]
    for name in ("tcp", "udp", "ping"):
        found[f"{name}, damaged"] = found[name][:-1] + bytes([found[name][-1] ^ 0x10])
    at = plain["udp"].sums[-1].at
    found["udp, none"] = frames.patch(found["udp"], at, 0)
    found["udp, none, damaged"] = frames.patch(found["udp, damaged"], at, 0)
    for name in ("tcp", "udp"):
        plan = plain[name].sums[-1]
        found[f"{name}, partial"] = frames.patch(found[name], plan.at, residue(plan.pseudo) or 0xFFFF)
    even = payload + bytes(len(payload) % 2)
    sum_of_even = made(frames.udp(even + bytes(2), 53)).data[at : at + 2]
    zero = made(frames.udp(even + sum_of_even, 53))
    found["udp, partial, sum 0"] = frames.patch(zero.data, at, residue(zero.sums[-1].pseudo))
    zero_tagged = found["udp, partial, sum 0"]
    found["udp, partial, sum 0, tagged"] = zero_tagged[:12] + b"\x81\0\0\x07" + zero_tagged[12:]
    if version == 4:
        found["tcp, wrong IPv4 sum"] = frames.patch(found["tcp"], 14 + 10, 0x1234)
        found["tcp, first fragment"] = made(frames.tcp(payload), fragment=0x2000).data
        expired = bytearray(made(frames.tcp(payload)).data)
        expired[22] = 1
        expired[24:26] = bytes(2)
        expired[24:26] = negate(residue(bytes(expired[14:34]))).to_bytes(2, "big")
        found["tcp, TTL 1"] = bytes(expired)
        for name in ("tcp", "udp"):
            found[f"{name}, trailer"] = found[name] + b"\0\x17"
        found["ipip"] = frames.ethernet(frames.ipv4(frames.ipv4(frames.tcp(payload)), source, destination)).data
        found["gre"] = frames.ethernet(frames.ipv4(frames.gre(frames.ipv4(frames.udp(payload)), checksum=True), source, destination)).data
        found["gre without sum"] = frames.ethernet(
            frames.ipv4(frames.gre(frames.ipv4(frames.udp(payload)), checksum=False), source, destination)
        ).data
        found["vxlan"] = frames.ethernet(
            frames.ipv4(frames.vxlan(frames.ethernet(frames.ipv4(frames.tcp(payload)))), source, destination)
        ).data
        found["vxlan, no outer sum"] = frames.patch(found["vxlan"], 34 + 6, 0)
        found["tcp, tagged"] = frames.ethernet(frames.vlan(frames.ipv4(frames.tcp(payload), source, destination))).data
        found["tcp, tagged, damaged"] = found["tcp, tagged"][:-1] + b"?"
        found["tcp, long"] = made(frames.tcp(much)).data
        found["udp, long"] = made(frames.udp(much, 53)).data
    else:
        found["tcp, long"] = made(frames.tcp(much)).data
        found["tcp, extensions"] = frames.ethernet(
            frames.ipv6(frames.tcp(payload), source, destination, extensions=((60, bytes([0, 0, 1, 4, 0, 0, 0, 0])),))
        ).data
    return found


THROUGH_A_TUNNEL = ("tcp", "udp", "tcp, damaged", "udp, none", "ping", "tcp, partial", "udp, partial", "sctp, long")
"""What is sent from site to site: the rest of a packet is nothing to a tunnel."""


STATES: Mapping[type, tuple[State | None, ...]] = {
    Skb: (None, Skb(), Skb(Summed.UNNECESSARY), Skb(Summed.UNNECESSARY, level=1), Skb(Summed.COMPLETE), Skb(Summed.PARTIAL)),
    XenSkb: (
        None,
        XenSkb(),
        XenSkb(Summed.UNNECESSARY, valid=True),
        XenSkb(Summed.HW),
        XenSkb(Summed.UNNECESSARY, valid=True, blank=True),
    ),
    NetBuffer: (None, NetBuffer()),
}
"""What a packet may carry when it is sent as it is; None: it is made by its kernel. PARTIAL is aimed at the transport header."""


MADE = {
    **dict.fromkeys(("rewriting", "published", "edits"), rewriters.packets),
    "switched": lambda *ends: between_switched(*ends),
    **dict.fromkeys(("routed", "exchanged", "tunneled", "bridged"), cutters.packets),
}
"""What is sent through the hosts of a family, if not what is sent through all."""
SWITCHED_KINDS = {
    *("tcp", "udp", "ping", "tcp, damaged", "udp, damaged", "udp, none", "tcp, partial", "udp, partial", "udp, partial, sum 0"),
    *(
        "tcp, trailer",
        "tcp, first fragment",
        "tcp, tagged",
        "tcp, long",
        "udp, long",
        "ipip",
        "vxlan",
        "tcp, extensions",
        "tcp, wrong IPv4 sum",
    ),
}


def between_switched(source: str, destination: str, version: int, payload: bytes) -> dict[str, bytes]:
    """What virtual switches tell apart; into a tunnel no other tunnel's packets."""
    kinds = SWITCHED_KINDS & set(THROUGH_A_TUNNEL) | {"tcp, long"} if source.startswith("10.7.") else SWITCHED_KINDS
    return {kind: frame for kind, frame in packets_between(source, destination, version, payload).items() if kind in kinds}


SOME = {
    "switched": rewriters.some,
    **dict.fromkeys(("rewriting", "published"), rewriters.some),
    **dict.fromkeys(("routed", "exchanged", "tunneled", "bridged"), cutters.some),
}
"""Which states of a packet a family tells apart."""


@dataclass(frozen=True)
class Case:
    """One packet through one host. ``refuses``: it is the reset by which a rule refuses a connection."""

    name: str
    topology: Topology = field(repr=False)
    origin: str
    frame: bytes
    state: State | None
    refuses: bool = False


def every_case() -> Iterator[Case]:
    for preset in ("linux-6.1", "xen-3.0.0", *NEIGHBOURS):
        yield from cases(preset)
    yield from slot_cases()
    yield from middle_cases()


def slot_cases() -> Iterator[Case]:
    """The longest frame there is from a guest whose driver uses many slots, to backends that take fewer."""
    longest = (
        packets_between("192.0.2.11", "192.0.2.254", 4, b"payload")["tcp"][:14]
        + frames.ipv4(frames.tcp(bytes(65490)), "192.0.2.11", "192.0.2.254").data
    )
    for vif, moves in (("slots = 17\nfatal-slots = 18", "linux-3.8"), ("slots = 19", "linux-3.8"), ("slots = 19", "linux-6.1")):
        text = hosts.CLAIMS.replace("options = { CLAIM = true }", "slots = 20")
        text = text.replace('kind = "vif"', f'kind = "vif"\n{vif}').replace("[domain.domU]", f'[domain.domU]\nmoves-to = "{moves}"')
        vif = vif.replace("\n", ", ")
        yield Case(f"slots, {vif}, moves to {moves}: tcp, longest from domU", host(text, PRESET="linux-6.1"), "domU", longest, None)


def middle_cases() -> Iterator[Case]:
    boxes = (middleboxes, everybody, detours, meshes, segmented, windows_guests, undivided, listed, peculiar)
    for box in (one for made in boxes for one in made.every()):
        family = PRESETS[box.topology.domains[box.origin].preset].family
        outside = box.topology.domains[box.origin].outside
        for kind, frame in box.packets.items():
            states = rewriters.some(kind, STATES[family]) if box.states and not outside else (None,)
            for state in states:
                text = f"{box.name}: {kind} from {box.origin}, {state or 'by its kernel'}"
                yield Case(text, box.topology, box.origin, frame, state, box.refuses)


def _makes_crcs(name: str) -> bool:
    """Whether a device of the host may make the CRC of SCTP, or the host is about what rewrites every protocol."""
    return "sctp" in name or name.startswith(("rewriting", "published", "edits"))


def cases(preset: str, payload: bytes = b"payload") -> Iterator[Case]:
    for name, topology in hosts_of(preset).items():
        for origin, source, destination, version in ends_of(name):
            made = MADE.get(name.split(",")[0], packets_between)
            for kind, frame in made(source, destination, version, payload).items():
                if name.startswith("container") and not kind.startswith("sctp"):
                    continue
                if (kind == "ptp" and "stamps" not in name and "ptp" not in name) or (kind.startswith("sctp") and not _makes_crcs(name)):
                    continue
                if (preset in NEIGHBOURS and kind not in NEIGHBOURING_KINDS) or (
                    (origin in ("left", "near") or name.startswith("sealing")) and kind not in THROUGH_A_TUNNEL
                ):
                    continue
                states = STATES[PRESETS[topology.domains[origin].preset].family]
                if topology.domains[origin].outside:
                    states = states[:1]
                elif name.split(",")[0] in SOME:
                    states = SOME[name.split(",")[0]](kind, states)
                for state in states:
                    text = f"{preset}, {name}: {kind} from {origin} to {destination}, {state or 'by its kernel'}"
                    yield Case(text, topology, origin, frame, state)


def dissected(case: Case) -> Dissection:
    return dissect_packet(case.frame, 1, tables=case.topology.tables)


def symbolic(case: Case, headers: tuple[Header, ...], answers: Mapping[Form, bool]) -> SymbolicPacket:
    return observed(dissected(case).facts, headers, answers)


def plain(case: Case, headers: tuple[Header, ...]) -> FramePacket:
    start = next(h.offset for h in dissected(case).headers if h.layer in (Layer.IPV4, Layer.IPV6, Layer.VLAN))
    return FramePacket(case.frame[start:], headers, dissected(case).facts.long, dissected(case).facts.pages)


def columns_of(case: Case) -> Columns:
    block = frames.block_of([case.frame])
    return Index(case.topology.tables, accelerate=False).columns(block, np.array([0]))


def sent_with(case: Case, packet: Packet) -> State | None:
    """The carried state that the case's packet is sent with: PARTIAL is aimed at its transport header."""
    state = case.state
    if isinstance(state, Skb) and state.summed is Summed.PARTIAL:
        aimed = outer_transport(packet.headers) or next((header for header in packet.headers if header.consumes), None)
        state = replace(state, start=aimed.uid) if aimed else Skb()
    return state


def run(case: Case, packet: Packet, choices: Mapping[str, str]) -> Trace:
    walker = Walker(case.topology, choices, finished=sent_with(case, packet), refuses=case.refuses)
    return walker.run(case.topology.domains[case.origin], packet)


def run_plain(case: Case) -> list[Trace]:
    """Every walk of the bytes: more than one where only run-time state could tell."""
    headers = headers_of(dissected(case).facts, case.topology)
    found, todo = [], [dict[str, str]()]
    while todo:
        choices = todo.pop()
        try:
            found.append(run(case, plain(case, headers), choices))
        except Undetermined as question:
            todo += [{**choices, question.label: option} for option in question.options]
    return found


def run_symbolic(case: Case, choices: Mapping[str, str]) -> Trace:
    """The walk of the forms, with what they leave open answered from the packet's own numbers."""
    headers = headers_of(dissected(case).facts, case.topology)
    columns = columns_of(case)
    answers: dict[Form, bool] = {}
    while True:
        try:
            return run(case, symbolic(case, headers, answers), choices)
        except Undecided as question:
            values, known = numbers(question.form, columns)
            assert known[0]
            answers[question.form] = bool(values[0] == 0)


UNTOLD = (
    "the bytes behind the IP packet are not summed",
    "a tunnel's source port is chosen by a hash of the flow",
    "the length of the tunnel packet is not tracked",
    "these header bytes are not tracked",
    "how the segment is cut is not in the capture",
    "how the super-frame is cut is not in the capture",
    "only a fragment of the datagram is here",
    "a CRC is no sum: its words are not predicted",
    "what stands in later fragments at the place of the sum is not tracked",
    "what is left in a card's buffer is not known",
    "what was there before is not tracked",
    "how many bytes of the IP packet there are is not known",
    "these header bytes are not tracked",
)
"""What forms may leave open: a trailer, and padding beside one; a tunnel's own sum that was sent unfinished and then translated, or filled
where there was none (a Xen ring finds the outer UDP header again for a sum that is owed inside); the segments of a super-frame whose field
held neither its sum nor the pseudo-header's; whether filling a fragment's sum comes to zero; a damaged CRC that stays; bytes that are
changed under a sum which was wrong before; how long the segments are that a card is bad at; an outer sum over an IPv6 header, which no sum
of its own covers, once it was updated for other addresses by whoever left it owed."""


def differences(case: Case) -> list[str]:
    """Where the forms and the bytes do not agree; none is what is wanted."""
    found = []
    columns = columns_of(case)
    raw = {entry.header: int(columns.field[n][0]) for n, entry in enumerate(dissected(case).facts.sums)}
    for bytes_trace in run_plain(case):
        forms_trace = run_symbolic(case, bytes_trace.chosen or {})
        if forms_trace.fate is Fate.UNTOLD and bytes_trace.fate is not Fate.UNTOLD:
            # The forms may say that they cannot tell, with the reason, but only of what is not summed in the columns.
            if forms_trace.why not in UNTOLD or len(forms_trace.hops) > len(bytes_trace.hops):
                found.append(f"{case.name}: {forms_trace} / {bytes_trace}")
            continue
        if (forms_trace.fate, len(forms_trace.hops)) != (bytes_trace.fate, len(bytes_trace.hops)):
            found.append(f"{case.name}: {forms_trace} / {bytes_trace}")
            continue
        for left, right in zip(forms_trace.hops, bytes_trace.hops, strict=True):
            if left.row is not right.row or left.state_after != right.state_after:
                found.append(f"{case.name}: {left} / {right}")
                break
            assert isinstance(left.after, SymbolicPacket)
            assert isinstance(right.after, FramePacket)
            found += [f"{case.name}: {left.where} {left.stage.name}: {text}" for text in _compare(left.after, right.after, columns, raw)]
    return found


def _compare(forms: SymbolicPacket, data: FramePacket, columns: Columns, raw: Mapping[int, int]) -> Iterator[str]:
    present = data.sums
    if forms.carried is not None and data.carried is not None:
        value, known = numbers(forms.carried, columns)
        if known[0] and int(value[0]) != data.carried:
            yield f"the sum beside it is {int(value[0]):#06x} / {data.carried:#06x}"
    elif (forms.carried is None) is not (data.carried is None):
        yield f"the sum beside it is {forms.carried} / {data.carried}"
    if set(forms.sums) != set(present):
        yield f"sums of {sorted(forms.sums)} / {sorted(present)}"
        return
    index = {header.uid: header.index for header in forms.headers}
    for uid, own in forms.sums.items():
        one = present[uid]
        for what, form, real in (("r", own.residue, one.residue), ("g", own.seed, one.seed)):
            value, known = numbers(form, columns)
            if KINDS[own.kind].crc and real:
                real = real % 0xFFFF or 1  # As csumlab.classes.numbers has it.
            if known[0] and real is not None and not own.absent and int(value[0]) != real:
                yield f"{what} of {own.kind.name} is {int(value[0]):#06x} / {real:#06x}"
        value, known = numbers(own.field, columns)
        if known[0] and one.field is not None and not KINDS[own.kind].crc:
            field = spell(int(value[0]), own.zero, raw.get(index[uid], int(value[0])))
            if field != one.field:
                yield f"field of {own.kind.name} is {field:#06x} / {one.field:#06x}"


def with_preset(topology: Topology, **domains: str) -> Topology:
    changed = {name: replace(domain, preset=domains.get(name, domain.preset)) for name, domain in topology.domains.items()}
    return parse_topology(to_toml(replace(topology, domains=changed)))

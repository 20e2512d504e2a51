"""Since when Linux has what a topology may name: kinds of devices, ways to use them, XDP programs, who rewrites packets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from csumlab.packet import exactly
from csumlab.topology.model import CARRIAGES, Device, DeviceKind, Domain

K = DeviceKind


@dataclass(frozen=True, slots=True)
class Age:
    """``since`` is the first release with it, ``source`` where that is read: the commit that brought it, or a document."""

    since: tuple[int, ...]
    source: str

    def __str__(self) -> str:
        return f"Linux {'.'.join(map(str, self.since))} ({self.source})"


_BCC = "iovisor/bcc docs/kernel-versions.md"
AGES: Mapping[str, Age] = {
    # Kinds of devices.
    "ifb": Age((2, 6, 16), "drivers/net/ifb.c"),
    "macvlan": Age((2, 6, 23), "commit b863ceb7ddce"),
    "netfront": Age((2, 6, 23), "commit 0d160211965b"),
    "virtio": Age((2, 6, 24), "commit 296f96fcfc16"),
    "gretap": Age((2, 6, 28), "commit e1a8000228e1"),
    "netvsc": Age((2, 6, 32), "commit fceaf24a943d, in staging until 3.4"),
    "vmxnet3": Age((2, 6, 32), "commit d1a890fa37f2"),
    "macvtap": Age((2, 6, 34), "commit 20d29d7a916a"),
    "l2tp": Age((2, 6, 35), "commit d9e31d17ceba: Ethernet in version 3"),
    "batman": Age((2, 6, 38), "commit c6c8fea29769"),
    "team": Age((3, 3), "commit 3d249d4ca7d0"),
    "vxlan": Age((3, 7), "commit d342894c5d2f"),
    "wireguard": Age((3, 10), "wireguard-linux-compat, a module from outside the tree; in it since 5.6, commit e7096c131e51"),
    "geneve": Age((3, 18), "commit 0b5e8b8eeae4, of Open vSwitch; a device since 4.2, commit 2d07dc79fe04"),
    "ipvlan": Age((3, 19), "commit 2ad7bf363841"),
    "macsec": Age((4, 6), "commit c09440f7dcb3"),
    "erspan": Age((4, 14), "commit 84e54fe0a5ea"),
    "seg6": Age((4, 14), "commit d1df6fd8a1d2; policies alone since 4.10"),
    "ovpn": Age((5, 4), "OpenVPN/openvpn README.dco.md: a module from outside the tree; in it since 6.16"),
    "bareudp": Age((5, 7), "commit 571912c69f0e"),
    # What tunnels travel in.
    "gre-over-ipv6": Age((3, 7), "commit c12b395a4664"),
    "vxlan-over-ipv6": Age((3, 12), "commit e4c7ed415387"),
    "fou": Age((3, 18), "commit 23461551c006"),
    "gue": Age((3, 18), "commit 37dd0247797b"),
    "fou-over-ipv6": Age((4, 7), "commit aa3463d65e7b"),
    "gpe": Age((4, 7), "commit e1e5314de08b"),
    "erspan-over-ipv6": Age((4, 16), "commit 5a963eb61b7c"),
    # Modes, options and features of devices.
    "passthru": Age((2, 6, 38), "drivers/net/macvlan.c MACVLAN_MODE_PASSTHRU"),
    "encap-remcsum": Age((3, 19), "net/ipv4/fou.c gue_remcsum"),
    "remcsumtx": Age((4, 0), "drivers/net/vxlan.c vxlan_remcsum"),
    "remcsumrx": Age((4, 0), "drivers/net/vxlan.c vxlan_remcsum"),
    "l3s": Age((4, 9), "commit 4fbae7d83c98"),
    "esp-offload": Age((4, 12), "commit 7862b4058b9f"),
    "card-encrypts": Age((4, 12), "commit d77e38e612a0"),
    "napi": Age((4, 15), "commit 943170998b20"),
    "udp-segment": Age((4, 18), "commit bec1f6f69736"),
    "rx-gro-list": Age((5, 6), "commit 9fd1ff5d2ac7"),
    "rx-udp-gro-forwarding": Age((5, 12), "commit 36707061d6ba"),
    # XDP programs, and what tc and netfilter do.
    "xdp": Age((4, 8), f"commit 6a773a15a1e8; {_BCC}"),
    "xdp-virtio": Age((4, 10), f"commit f600b6905015; {_BCC}"),
    "xdp-generic": Age((4, 12), f"commit b5cdae3291f7; {_BCC}"),
    "xdp-redirect": Age((4, 14), f"commit 6453073987ba; {_BCC}"),
    "xdp-forward": Age((4, 18), f"bpf_fib_lookup, commit 87f5fc7e48dd; {_BCC}"),
    "xdp-socket": Age((4, 18), f"AF_XDP, commit fbfc504a24f5; {_BCC}"),
    "xdp-veth": Age((4, 19), "commit 948d4f214fde"),
    "tc-ingress": Age((4, 10), "commit 53592b364001"),
    "flowtable": Age((4, 16), "commit ac2a66665e23"),
    # Who rewrites packets.
    "act-nat": Age((2, 6, 24), "net/sched/act_nat.c"),
    "checksum-fill": Age((2, 6, 36), "net/netfilter/xt_CHECKSUM.c; iptables commit 9d1b11102b53"),
    "act-csum": Age((2, 6, 37), "net/sched/act_csum.c"),
    "openvswitch": Age((3, 3), "commit ccb1352e76cf"),
    "synproxy": Age((3, 12), "commit 48b1de4c110a"),
    "bpf": Age((4, 1), "commit 91bc4822c3d6"),
    "nft": Age((4, 5), "commit 7ec3f7b47b8d: it edits packets; nftables is of 3.13"),
    "cilium-1.17": Age((5, 4), "Cilium 1.17, System Requirements"),
    "cilium-1.19": Age((5, 10), "Cilium 1.19, System Requirements"),
    "cilium": Age((5, 10), "Cilium, System Requirements"),
}
"""By the word for it in topologies, and for what has none there one of its own. A kind that is not here is as old as a preset, or only of
kernels whose tables name it."""


def old_enough(word: str, until: tuple[int, ...]) -> bool:
    """Whether a kernel of version ``until`` has it; () is the newest."""
    return not until or word not in AGES or AGES[word].since[: len(until)] <= until


def asked(domain: Domain) -> Iterator[tuple[str, str]]:
    """What a domain asks of its kernel: the keys in its table, and words of ``AGES``."""
    for device in domain.devices.values():
        for key, word in _of_device(device):
            if word in AGES:
                yield f"device.{device.name}.{key}", word
    if domain.segments:
        yield "segments", "seg6"
    if domain.flowtable:
        yield "flowtable", "flowtable"
    for key, rules in (("nat", domain.nat), ("edit", domain.edits)):
        yield from ((key, rule.by) for rule in rules if rule.by in AGES)


def _of_device(device: Device) -> Iterator[tuple[str, str]]:
    kind = device.kind
    yield "kind", kind.value
    if kind in CARRIAGES and exactly(device.local).version == 6:
        base = "fou" if device.encap in ("fou", "gue") else "gre" if kind is K.GRETAP else kind.value
        yield "local", f"{base}-over-ipv6"
    yield "encap", device.encap
    yield "mode", device.mode.partition(" ")[0]
    for key, given in (("options", device.options), ("features", device.features)):
        yield from ((key, word) for word, value in given.items() if value)
    yield from (("xdp", word) for word in _of_program(device))
    yield from ((f"tc-{way}", "tc-ingress") for way in ("in", "out") if device.diverted(way)[1])


def _of_program(device: Device) -> Iterator[str]:
    """What the XDP program of a device needs."""
    if device.feeds_reader:
        yield "xdp-socket"
    elif device.native_xdp:
        yield {K.VIRTIO: "xdp-virtio", K.VETH: "xdp-veth"}.get(device.kind, "xdp")
    elif device.xdp:
        yield "xdp-generic"
    if device.redirects_to:
        yield "xdp-redirect"
    if device.forwards_by_program:
        yield "xdp-forward"

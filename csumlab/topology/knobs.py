"""What people paste from ethtool, ip link, sysctl and xenstore: names that stand for others, that mean nothing for checksums, or that
cannot be said so, each with the next step."""

from __future__ import annotations

from collections.abc import Mapping

from csumlab.headers import Layer
from csumlab.topology.model import CARRIAGES, DeviceKind
from csumlab.topology.options import (
    FEATURES,
    GRO,
    KNOBS,
    LRO,
    NO_CSUM,
    OPTIONS,
    RX,
    SCTP,
    TSO4,
    TSO6,
    TUNNEL_OPTIONS,
    UFO,
    V4,
    V6,
    XENSTORE,
)
from csumlab.topology.options import GENERIC as HW
from csumlab.topology.presets import PRESETS
from csumlab.topology.reading import DeviceTable, Reader

_TX, _TSO = (HW, V4, V6, SCTP), (TSO4, TSO6)
SHORT_FEATURES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("tx", "tx-checksumming"), _TX),
    **dict.fromkeys(("rx", "rx-checksumming"), (RX,)),
    **dict.fromkeys(("gro", "generic-receive-offload"), (GRO,)),
    **dict.fromkeys(("tso", "tcp-segmentation-offload"), _TSO),
    **dict.fromkeys(("lro", "large-receive-offload"), (LRO,)),
    **dict.fromkeys(("ufo", "udp-fragmentation-offload"), (UFO,)),
}
"""ethtool's names for groups of features, of ``-K`` and as ``-k`` prints them."""
SCATTERING = frozenset({"sg", "scatter-gather", "tx-scatter-gather"})
"""Off, they take TCP's segmentation with them (net/core/dev.c netdev_fix_features); on, they give nothing."""
IDLE_FEATURES = (
    "gso", "generic-segmentation-offload", "tx-generic-segmentation", "tx-gso-robust", "tx-gso-partial", "tx-gso-list",
    "tx-scatter-gather-fraglist", "highdma", "rx-all", "rx-fcs", "rx-hashing", "rxhash", "receive-hashing", "rx-vlan-filter",
    "rx-vlan-hw-parse", "tx-vlan-hw-insert", "rxvlan", "txvlan", "rx-vlan-offload", "tx-vlan-offload", "tx-vlan-stag-hw-insert",
    "rx-vlan-stag-hw-parse", "rx-vlan-stag-filter", "vlan-challenged", "ntuple", "ntuple-filters", "rx-ntuple-filter", "tx-nocache-copy",
    "tx-lockless", "netns-local", "loopback", "l2-fwd-offload", "hw-tc-offload", "rx-udp_tunnel-port-offload", "tx-tcp-ecn-segmentation",
    "tx-tcp-mangleid-segmentation", "tx-checksum-fcoe-crc", "tx-fcoe-segmentation", "fcoe-mtu",
)  # fmt: skip
"""Names of Linux (net/ethtool/common.c netdev_features_strings) that change no checksum here: a super-frame that the device does not cut is
cut before it whether software segmentation (``gso``) is on or not, and VLAN tags are in the bytes wherever they are put in."""
_GRE = "what a card cuts inside GRE is not told apart: here the kernel cuts it before the card, as without the feature; leave it out"
_ESP = "say it of the tunnel: options = { card-encrypts = true } on the device of kind esp"
_NOT_SO: Mapping[str, str] = {
    "rx-gro-hw": 'what a card merges so that it can be cut again is said of the card: card = "rx-merges rx-merged-owed"',
    "tx-gre-segmentation": _GRE,
    "tx-gre-csum-segmentation": _GRE,
    "tx-ipxip4-segmentation": _GRE.replace("GRE", "IP"),
    "tx-ipxip6-segmentation": _GRE.replace("GRE", "IP"),
    "tx-esp-segmentation": _ESP,
    "esp-hw-offload": _ESP,
    "esp-tx-csum-hw-offload": _ESP,
}
"""Features that matter and are said otherwise, or not at all; off they are as everywhere."""
_FORWARDING = ("net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding", "net.ipv6.conf.all.forwarding")
_RENAMED: Mapping[str, str] = {
    "noudpcsum": "udpcsum = false",
    "udp6zerocsumtx": "udpcsum = false",
    "noudp6zerocsumtx": "udpcsum = true",
    "noudp6zerocsumrx": "udp6zerocsumrx = false",
    "ocsum": "csum = true",
    "icsum": "csum = true",
}
"""Switches of ``ip link`` that are another option here."""


def _carrying(*layers: Layer) -> frozenset[DeviceKind]:
    """The tunnels that may have one of ``layers`` outside."""
    return frozenset(kind for kind, one in CARRIAGES.items() if any(layer in found for found in one.layers.values() for layer in layers))


_FOO = frozenset(kind for kind, one in CARRIAGES.items() if "gue" in one.layers)
_OF_KINDS: Mapping[str, frozenset[DeviceKind]] = {
    **dict.fromkeys(TUNNEL_OPTIONS, frozenset(CARRIAGES)),
    **dict.fromkeys(("udpcsum", "udp6zerocsumrx"), _carrying(Layer.UDP)),
    **dict.fromkeys(("remcsumtx", "remcsumrx"), frozenset({DeviceKind.VXLAN})),
    **dict.fromkeys(("encap-csum", "encap-remcsum"), _FOO),
    **dict.fromkeys(("transport", "esp-offload", "card-encrypts"), frozenset({DeviceKind.ESP})),
    "csum": _carrying(Layer.GRE),
    "dco-trusts": frozenset({DeviceKind.OVPN}),
    **dict.fromkeys(("vnet-hdr", "TUN_F_CSUM"), frozenset({DeviceKind.TAP, DeviceKind.MACVTAP, DeviceKind.VPN})),
}
"""The kinds of device that have an option; all others are of every kind, or held against more than the kind (load.py)."""


class KnobReader(Reader):
    """Settings of a device or a domain. Every method raises TopologyError; ``without_effect`` are sentences about what was set and is
    fixed."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text, name)
        self.without_effect: list[str] = []

    def known_features(self, entry: DeviceTable, key: str) -> None:
        """Every feature is a name of ethtool that can be said here."""
        for word, value in entry.features.items():
            if value and word in _NOT_SO:
                raise self.fail(f"{key}.features", f"{word}: {_NOT_SO[word]}")
        passed = {*SHORT_FEATURES, *SCATTERING, *IDLE_FEATURES, *_NOT_SO}
        self.words((word for word in entry.features if word not in passed), [*FEATURES, *SHORT_FEATURES], f"{key}.features", "feature")

    def features(self, entry: DeviceTable, preset: str, kind: DeviceKind, key: str) -> dict[str, bool]:
        """What is set of FEATURES. A group is set as far as it is not fixed, and gives no more than the preset has."""
        found: dict[str, bool] = {}
        fixed, defaults = PRESETS[preset].fixed_in(kind), PRESETS[preset].features.get(kind, frozenset())
        for word, value in entry.features.items():
            if word in IDLE_FEATURES or word in _NOT_SO or (word in SCATTERING and value):
                continue
            bound = []
            for feature in _TSO if word in SCATTERING else SHORT_FEATURES.get(word, (word,)):
                default = feature in defaults
                if feature not in fixed:
                    found[feature] = value and (default or word == feature)
                elif word == feature and value != default:
                    raise self.fail(f"{key}.features", f"{feature} is fixed {'on' if default else 'off'} in {entry.kind} of {preset}")
                elif default and not value:
                    bound.append(feature)
            if bound:
                port = key.removeprefix("domain.").replace(".device.", ":", 1)
                verb = "is" if len(bound) == 1 else "are"
                self.without_effect.append(
                    f"{port}: {word} = false leaves {' and '.join(bound)} on, which {verb} fixed in a {entry.kind} of {preset}"
                )
        return found

    def known_xenstore(self, entry: DeviceTable, kind: DeviceKind, key: str) -> None:
        """A key stands on the end that writes it."""
        self.words(entry.xenstore, XENSTORE, f"{key}.xenstore", "xenstore key")
        if kind is DeviceKind.VIF and NO_CSUM in entry.xenstore:
            where = f"the netfront {entry.peer}" if entry.peer else "the netfront at the other end"
            raise self.fail(
                f"{key}.xenstore", f"{NO_CSUM} is what the guest's end says of itself, and read from there: write it on {where}"
            )

    def known_options(self, entry: DeviceTable, key: str) -> None:
        """Every option is one that there is."""
        for word in entry.options:
            if word in _RENAMED:
                raise self.fail(f"{key}.options", f"{word} is {_RENAMED[word]} here")
        self.words(entry.options, OPTIONS, f"{key}.options", "option")

    def options_of_kind(self, entry: DeviceTable, kind: DeviceKind, key: str) -> None:
        """Every option is one that a device of this kind has."""
        for word in entry.options:
            if kind not in _OF_KINDS.get(word, (kind,)):
                having = [option for option, kinds in _OF_KINDS.items() if kind in kinds]
                has = f"of those of tunnels and taps it has {', '.join(having)}" if having else "it is of tunnels or taps"
                raise self.fail(f"{key}.options", f"a {entry.kind} has no option {word}: {has}")

    def known_sysctl(self, sysctl: Mapping[str, object], key: str) -> None:
        """Every sysctl is one that a table asks for."""
        for word in sysctl:
            if word in _FORWARDING:
                raise self.fail(
                    f"{key}.sysctl", f"{word} is forwarding = {'true' if sysctl[word] else 'false'} in [{key}], for IPv4 and IPv6"
                )
        self.words(sysctl, KNOBS, f"{key}.sysctl", "sysctl")

"""A host in one line: ``domU:eth0 > vif1.0 > xenbr0 > eth0(tx-checksum-ip-generic=off) > wire > host``.

line    = item { ">" item }
item    = [ domain ":" ] device [ "(" setting { "," setting } ")" ]  |  "wire"  |  NAME (only first or last: somebody outside)
setting = feature "=" ("on" | "off")  |  "preset" "=" PRESET

Kinds follow from names and places: ``vif1.0`` is a vif, what stands before it a netfront; ``vnet0`` and ``tap0`` are taps, what stands
before it a virtio; ``xenbr0``, ``virbr0`` and ``br0`` are bridges; a device beside ``wire`` is a card; two devices side by side that are
neither are the ends of a veth pair. A device without a domain belongs to the domain of the item before it; after a cable it belongs to
dom0, or behind a virtio to the hypervisor. Examples:

guest:eth0 > vnet0 > br0 > eth0 > wire > far
domA:eth0 > vif1.0 > xenbr0 > vif2.0 > domB:eth0
pod:eth0 > host:veth1 > br0 > eth0(tx=off) > wire > host
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from csumlab.topology.knobs import SHORT_FEATURES
from csumlab.topology.load import TopologyError
from csumlab.topology.model import Device, DeviceKind, Domain, Port, Topology
from csumlab.topology.options import FEATURES
from csumlab.topology.presets import PRESETS
from csumlab.topology.presets.versions import preset_advice
from csumlab.words import advice

_BRIDGE = re.compile(r"(xen|vir|lx[cd]|docker)?br[-\w.]*$|docker\d+$")
_VIF = re.compile(r"vif\d+\.\d+$")
_TAP = re.compile(r"(vnet|tap)\d+$")
_ITEM = re.compile(r"(?:(?P<domain>[\w.-]+):)?(?P<device>[\w.@-]+)(?:\((?P<settings>[^()]*)\))?$")


@dataclass
class _Item:
    place: int
    text: str
    domain: str
    device: str
    features: dict[str, bool] = field(default_factory=dict)
    preset: str = ""


def parse_line(text: str) -> Topology:
    """A topology from a line; the ends are taken for sender and receiver of everything. Raises TopologyError, which names the item."""
    items = [_item(place, part.strip()) for place, part in enumerate(text.split(">"), 1)]
    if len(items) < 2:
        raise TopologyError("path", "", "a path has at least two items, like domU:eth0 > vif1.0 > xenbr0 > eth0 > wire > host")
    kinds = [_kind(items, n) for n in range(len(items))]
    _settle_domains(items, kinds)
    devices: dict[str, dict[str, Device]] = {}
    presets: dict[str, str] = {}
    for item, kind in zip(items, kinds, strict=True):
        if kind is not None:
            if item.device in devices.setdefault(item.domain, {}):
                raise _wrong(item, f"{item.domain}:{item.device} stands twice in the path")
            devices[item.domain][item.device] = Device(item.device, kind, features=item.features)
            if item.preset:
                presets[item.domain] = item.preset
    _connect(items, kinds, devices)
    first, last = items[0], items[-1]
    outside = {item.domain for item, kind in zip(items, kinds, strict=True) if kind is DeviceKind.NIC and item in (first, last)}
    domains = {name: Domain(name, presets.get(name, "linux-6.1"), table, outside=name in outside) for name, table in devices.items()}
    return Topology(domains, name=text, line=(Port(first.domain, first.device), Port(last.domain, last.device)))


def _wrong(item: _Item, problem: str) -> TopologyError:
    return TopologyError("path", f"item {item.place} {item.text!r}", problem)


def _item(place: int, text: str) -> _Item:
    match = _ITEM.match(text)
    blank = _Item(place, text, "", text)
    if match is None:
        raise _wrong(blank, "expected DEVICE, DOMAIN:DEVICE, wire, or a name; settings stand in ( )")
    item = _Item(place, text, match["domain"] or "", match["device"])
    for setting in filter(None, (part.strip() for part in (match["settings"] or "").split(","))):
        word, equals, value = (part.strip() for part in setting.partition("="))
        if word == "preset":
            if value not in PRESETS:
                raise _wrong(item, f"unknown preset {value!r}; {preset_advice(value)}")
            item.preset = value
            continue
        if not equals or value not in ("on", "off"):
            raise _wrong(item, f"expected {word}=on or {word}=off")
        if word not in (*FEATURES, *SHORT_FEATURES):
            raise _wrong(item, f"unknown feature {word!r}; {advice(word, (*SHORT_FEATURES, *FEATURES))}")
        for feature in SHORT_FEATURES.get(word, (word,)):
            item.features[feature] = value == "on"
    return item


def _kind(items: list[_Item], n: int) -> DeviceKind | None:
    """The kind of item ``n``; None for a wire."""
    item = items[n]
    beside = [items[m].device for m in (n - 1, n + 1) if 0 <= m < len(items)]
    if item.device == "wire":
        if n in (0, len(items) - 1):
            raise _wrong(item, "a path starts and ends with a device or a name")
        return None
    if _VIF.match(item.device):
        return DeviceKind.VIF
    if _TAP.match(item.device):
        return DeviceKind.TAP
    if _BRIDGE.match(item.device):
        return DeviceKind.BRIDGE
    if "wire" in beside:
        return DeviceKind.NIC
    if any(_VIF.match(name) for name in beside):
        return DeviceKind.NETFRONT
    if any(_TAP.match(name) for name in beside):
        return DeviceKind.VIRTIO
    if n in (0, len(items) - 1) and not item.domain:
        raise _wrong(item, f"somebody outside stands behind a wire: ... > eth0 > wire > {item.text}")
    return DeviceKind.VETH


def _settle_domains(items: list[_Item], kinds: list[DeviceKind | None]) -> None:
    for n, (item, kind) in enumerate(zip(items, kinds, strict=True)):
        if item.domain or kind is None:
            continue
        end = n in (0, len(items) - 1)
        if kind is DeviceKind.NIC and end:
            item.domain, item.device = item.device, "eth0"
        elif kind in (DeviceKind.VIF, DeviceKind.TAP, DeviceKind.BRIDGE, DeviceKind.NIC):
            following = n > 0 and kinds[n - 1] not in (None, DeviceKind.NETFRONT, DeviceKind.VIRTIO)
            hypervisor = "hypervisor" if any(other in (DeviceKind.TAP, DeviceKind.VIRTIO) for other in kinds) else "dom0"
            item.domain = items[n - 1].domain if following else hypervisor
        else:
            raise _wrong(item, "say whose it is: DOMAIN:" + item.device)


def _connect(items: list[_Item], kinds: list[DeviceKind | None], devices: dict[str, dict[str, Device]]) -> None:
    """Cables, wires and bridge ports between neighbours."""

    def change(item: _Item, **what: object) -> None:
        devices[item.domain][item.device] = replace(devices[item.domain][item.device], **what)  # type: ignore[arg-type]

    for n in range(len(items) - 1):
        left, right = items[n], items[n + 1]
        kind, following = kinds[n], kinds[n + 1]
        if kind is None or following is None:
            if following is None:
                name = f"wire{n}"
                for item, what in ((left, kind), (items[n + 2], kinds[n + 2])):
                    if what is not DeviceKind.NIC:
                        raise _wrong(item, "only a card is beside a wire")
                    change(item, wire=name)
        elif DeviceKind.BRIDGE in (kind, following):
            bridge, port = (left, right) if kind is DeviceKind.BRIDGE else (right, left)
            if kind is following or bridge.domain != port.domain:
                raise _wrong(right, "a bridge connects devices of its own domain")
            change(port, bridge=bridge.device)
        elif {kind, following} in ({DeviceKind.VIF, DeviceKind.NETFRONT}, {DeviceKind.TAP, DeviceKind.VIRTIO}, {DeviceKind.VETH}):
            change(left, peer=Port(right.domain, right.device))
            change(right, peer=Port(left.domain, left.device))
        else:
            raise _wrong(right, f"a {following.value} cannot stand behind a {kind.value}; a bridge or a wire goes between")

"""Topologies as TOML files: strict, with errors that name file, line, key and the nearest valid word. docs/topology.md has the format."""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from csumlab import cards, programs, readers
from csumlab.headers import Layer
from csumlab.packet import PORTED, Span, exactly
from csumlab.stages.helpers import HELPERS
from csumlab.stages.rewriters import IN_DRIVER, OF_CONNECTIONS, ONLY_EDIT, ONLY_TRANSLATE, STATELESS, TRANSLATORS
from csumlab.stages.rewriters import OPTIONS as TCP_OPTIONS
from csumlab.state import NetBuffer, Skb
from csumlab.topology.ages import AGES
from csumlab.topology.checking import BUNDLED, PAIRS, Checker, defaults
from csumlab.topology.forward import is_group
from csumlab.topology.knobs import KnobReader
from csumlab.topology.model import BUNDLING, CARRIAGES, NO_DEVICES, SHARING, WRAPPING, Device, DeviceKind, Domain, Port, Topology
from csumlab.topology.options import (
    BRIDGE_CALLS,
    CLAIMING,
    CLAIMS,
    OF_NETKVM,
    SWITCHED,
)
from csumlab.topology.presets import PRESETS
from csumlab.topology.presets.versions import preset_advice
from csumlab.topology.reading import (
    CopyTable,
    DeviceTable,
    DomainTable,
    EditTable,
    FileTable,
    LocalTable,
    MulticastTable,
    Nat64Table,
    NatTable,
    RouteTable,
)
from csumlab.topology.reading import TopologyError as TopologyError
from csumlab.topology.rules import EMBEDDED, Copy, Edit, Local, MulticastRoute, Nat, Nat64, NatKind, Prefix, Route
from csumlab.topology.stacking import MODES, UNTOLD_MODE
from csumlab.virtio_features import parse_features

SMALLEST_MTU = 68
OF_LOOPBACK = ("127.0.0.1/8", "::1/128")
DEFAULT_PORTS = {
    (DeviceKind.VXLAN, ""): 4789,
    (DeviceKind.VXLAN, "gpe"): 4790,
    (DeviceKind.GENEVE, ""): 6081,
    (DeviceKind.BAREUDP, ""): 6635,
    (DeviceKind.L2TP, "udp"): 1701,
    (DeviceKind.WIREGUARD, ""): 51820,
    (DeviceKind.OVPN, ""): 1194,
    (DeviceKind.ESP, "udp"): 4500,
    (DeviceKind.VPN, ""): 1194,
}
"""UDP ports of tunnels, by ``encap``; GUE's is 6080, and Foo over UDP has none of its own."""


def load_topology(path: str | os.PathLike[str]) -> Topology:
    """Read a TOML file. Raises TopologyError."""
    name = os.fspath(path)
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        missing = isinstance(error, FileNotFoundError)
        advice = "csumlab replay CAPTURE, without a topology, suggests one" if missing else "it is a text file in TOML: docs/topology.md"
        raise TopologyError(name, "", f"cannot be read: {reason} ({advice})") from None
    return replace(parse_topology(text, name), file=name)


def parse_topology(text: str, name: str = "topology") -> Topology:
    """A topology from TOML text; ``name`` is used in errors. Raises TopologyError."""
    return _Parser(text, name).parse()


class _Parser(KnobReader, Checker):
    def parse(self) -> Topology:
        try:
            raw = tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            raise TopologyError(self.name, "", f"not TOML: {error}") from None
        file: FileTable = self.convert(raw, FileTable, "")
        if not file.domain:
            raise self.fail("domain", "there is no domain; write [domain.NAME] and [domain.NAME.device.NAME] tables")
        domains = {name: self.domain(name, table) for name, table in file.domain.items()}
        topology = self.wired(Topology(domains, file.at, file.name))
        self.check(topology)
        return replace(topology, defaults=tuple(defaults(topology)), without_effect=tuple(self.without_effect))

    def domain(self, name: str, table: Any) -> Domain:
        key = f"domain.{name}"
        if not name or ":" in name or ">" in name:
            raise self.fail(key, "a domain's name is a word without ':' or '>'")
        entry: DomainTable = self.convert(table, DomainTable, key)
        for word, preset in (("preset", entry.preset), ("moves-to", entry.moves_to)):
            if preset not in PRESETS and (preset or word == "preset"):
                raise self.fail(f"{key}.{word}", f"unknown preset {preset!r}; {preset_advice(preset)}")
        self.known_sysctl(entry.sysctl, key)
        self.words(entry.backported, AGES, f"{key}.backported", "thing that came with a version of Linux")
        if not PRESETS[entry.preset].routes and (entry.forwarding or entry.conntrack or entry.nat or entry.nat64):
            raise self.fail(key, f"what {entry.preset} forwards, tracks or translates is not modelled")
        if entry.program and PRESETS[entry.preset].family is not Skb:
            raise self.fail(f"{key}.program", f"programs on packet sockets of {entry.preset} are not modelled")
        self.behaviour(entry.program, f"{key}.program", programs.OF_QUEUES, "of a program behind nfqueue, not of one that is a stack")
        for word in BRIDGE_CALLS.values():
            if entry.sysctl.get(word) and PRESETS[entry.preset].bridge_netfilter is None:
                raise self.fail(f"{key}.sysctl.{word}", f"what bridge netfilter of {entry.preset} does is not modelled")
        devices = {device: self.device(entry.preset, device, content, f"{key}.device.{device}") for device, content in entry.device.items()}
        if not devices:
            raise self.fail(key, "has no device; write a [domain.NAME.device.NAME] table")
        self.words(entry.flowtable, devices, f"{key}.flowtable", "device")
        if entry.flowtable and (PRESETS[entry.preset].flowtable is None or any(devices[word].bridge for word in entry.flowtable)):
            raise self.fail(f"{key}.flowtable", f"a flowtable of {entry.preset}, or one with ports of a bridge, is not modelled")
        return Domain(
            name,
            entry.preset,
            devices,
            tuple(self.route(route, devices, f"{key}.route") for route in entry.route),
            tuple(self.nat(rule, entry.preset, devices, f"{key}.nat") for rule in entry.nat),
            entry.forwarding,
            entry.conntrack,
            {word: bool(value) for word, value in entry.sysctl.items()},
            entry.outside,
            entry.moves_to,
            tuple(self.edit(rule, entry.preset, devices, f"{key}.edit") for rule in entry.edit),
            entry.program,
            tuple(self.nat64(rule, entry.preset, entry.program, f"{key}.nat64") for rule in entry.nat64),
            tuple(self.multicast(rule, entry.preset, devices, f"{key}.multicast") for rule in entry.multicast),
            tuple(entry.flowtable),
            self.segments(entry.segments, PRESETS[entry.preset].segment is not None, f"{key}.segments"),
            tuple(self.local(rule, devices, f"{key}.local") for rule in entry.local),
            tuple(self.copy(rule, entry.preset, devices, f"{key}.copy") for rule in entry.copy),
            self.neighbours(entry, devices, f"{key}.neighbours"),
            tuple(entry.backported),
        )

    def segments(self, texts: list[str], known: bool, key: str) -> tuple[str, ...]:
        """Segments of segment routing."""
        if texts and not known:
            raise self.fail(key, "segment routing of this kernel is not modelled")
        for text in texts:
            self.value(ipaddress.IPv6Address, text, key, "an IPv6 address")
        return tuple(texts)

    def neighbours(self, entry: DomainTable, devices: Mapping[str, Device], key: str) -> dict[str, str]:
        """Whom segments of this host hand on to."""
        last = {device.local for device in devices.values() if device.kind is DeviceKind.SEG6}
        for segment, via in entry.neighbours.items():
            if segment not in (*entry.segments, *last):
                raise self.fail(f"{key}.{segment}", "is none of the domain's segments, nor the local one of a seg6, written as there")
            known = ipaddress.IPv6Address if segment in entry.segments else ipaddress.ip_address
            self.value(known, via, f"{key}.{segment}", "the address of a neighbour (of IPv6 where a packet is not taken out)")
        return dict(entry.neighbours)

    def device(self, preset: str, name: str, table: Any, key: str) -> Device:
        entry: DeviceTable = self.convert(table, DeviceTable, key)
        kinds = {kind.value: kind for kind in DeviceKind}
        self.words([entry.kind], kinds, f"{key}.kind", "kind of device")
        kind = kinds[entry.kind]
        self.known_features(entry, key)
        self.known_xenstore(entry, kind, key)
        self.known_options(entry, key)
        tunnel = kind in CARRIAGES
        redirects = kind is DeviceKind.NIC or (kind in PAIRS and kind is not DeviceKind.MACVTAP)
        given: tuple[tuple[str, object, bool], ...] = (
            ("wire", entry.wire, kind is DeviceKind.NIC),
            ("peer", entry.peer, kind in PAIRS),
            ("local", entry.local, tunnel),
            ("remote", entry.remote, tunnel),
            ("xenstore", entry.xenstore, kind in (DeviceKind.VIF, DeviceKind.NETFRONT)),
            ("virtio", entry.virtio, kind is DeviceKind.VIRTIO),
            ("lower", entry.lower, kind in (DeviceKind.MACVTAP, *SHARING, *WRAPPING)),
            ("mode", entry.mode, kind in SHARING),
            ("active", entry.active, kind in BUNDLING),
            ("bond", entry.bond, kind in BUNDLED),
            ("id", entry.id, kind is DeviceKind.VLAN),
            ("encap", entry.encap, tunnel and len(CARRIAGES[kind].layers) > 1),
            ("slots", entry.slots, kind in (DeviceKind.VIF, DeviceKind.NETFRONT)),
            ("fatal-slots", entry.fatal_slots, kind is DeviceKind.VIF),
            ("card", entry.card, kind is DeviceKind.NIC),
            (
                "bridge",
                entry.bridge,
                kind not in (DeviceKind.MACVTAP, DeviceKind.IPVLAN, DeviceKind.PPPOE, DeviceKind.IFB, DeviceKind.LOOPBACK)
                and (not tunnel or kind is DeviceKind.VPN or CARRIAGES[kind].layers[""][-1:] == (Layer.ETHERNET,)),
            ),
            ("address", entry.address, kind not in (DeviceKind.MACVTAP, DeviceKind.IFB)),
            ("xdp", entry.xdp, kind in (DeviceKind.VIRTIO, DeviceKind.VETH, DeviceKind.NIC)),
            ("tc-in", entry.tc_in, redirects),
            ("tc-out", entry.tc_out, redirects),
        )
        for word, present, fits in given:
            if present and not fits:
                raise self.fail(f"{key}.{word}", f"a {entry.kind} has no {word}")
        if PRESETS[preset].devices and kind not in PRESETS[preset].devices:
            raise self.fail(f"{key}.kind", f"a {entry.kind} of {preset} is not modelled")
        if kind in (DeviceKind.VIRTIO, DeviceKind.TAP, DeviceKind.MACVTAP) and not PRESETS[preset].has_virtio:
            raise self.fail(f"{key}.kind", f"{preset} has no {entry.kind} device")
        if kind in (*SHARING, *BUNDLING) and kind not in PRESETS[preset].stacked:
            raise self.fail(f"{key}.kind", f"{preset} has no {entry.kind} device")
        if kind in SHARING and not entry.mode:
            raise self.fail(
                f"{key}.mode", f"a {entry.kind} needs one: {', '.join(MODES[kind])} (ip link, told none, makes {UNTOLD_MODE[kind]})"
            )
        if kind in SHARING:
            self.words([entry.mode], MODES[kind], f"{key}.mode", "mode")
        if entry.bond and (entry.bridge or entry.address):
            raise self.fail(f"{key}.bond", "a port of a bond has no address and no bridge of its own: the bond has")
        if kind in SWITCHED and kind not in PRESETS[preset].switched:
            raise self.fail(f"{key}.kind", f"{preset} has no {entry.kind} device")
        if entry.options.get("tunnels-unfilled") and kind is not DeviceKind.VMPORT:
            raise self.fail(f"{key}.options", "tunnels-unfilled is of a vmport")
        if any(entry.options.get(word) for word in OF_NETKVM) and (
            kind is not DeviceKind.VIRTIO or PRESETS[preset].family is not NetBuffer
        ):
            raise self.fail(f"{key}.options", f"{', '.join(OF_NETKVM)} are of a virtio of Windows")
        if entry.xdp and not re.fullmatch(r"socket|forward|(generic )?(pass|redirect [^ ]+)", entry.xdp):
            raise self.fail(
                f"{key}.xdp",
                f"{entry.xdp!r} is neither 'pass' nor 'redirect DEVICE' (or behind 'generic') nor 'forward' (XDP_TX too) nor 'socket'",
            )
        if entry.xdp == "forward" and entry.bridge:
            raise self.fail(f"{key}.xdp", "a program that forwards by routes is not followed on a port of a bridge")
        for word, text in (("tc-in", entry.tc_in), ("tc-out", entry.tc_out)):
            if text and (not re.fullmatch("(ingress )?redirect [^ ]+", text) or PRESETS[preset].family is not Skb):
                raise self.fail(f"{key}.{word}", f"{text!r} is not 'redirect DEVICE', perhaps behind 'ingress', of a Linux since 2.6.19")
        for word, text, parse in (
            ("virtio", entry.virtio, parse_features),
            ("card", entry.card, cards.behaviours),
            ("reader", entry.reader, readers.behaviours),
        ):
            try:
                parse(text)
            except ValueError as error:
                raise self.fail(f"{key}.{word}", str(error)) from None
        if entry.card and PRESETS[preset].family is not Skb:
            raise self.fail(f"{key}.card", f"cards of {preset} are not told apart")
        if entry.options.get("heeds-rx-off") and (kind is not DeviceKind.VIF or PRESETS[preset].family is not Skb):
            raise self.fail(f"{key}.options", "heeds-rx-off is of a vif of Linux")
        if entry.options.get("card-encrypts") and (kind is not DeviceKind.ESP or PRESETS[preset].family is not Skb):
            raise self.fail(f"{key}.options", "card-encrypts is of esp of Linux")
        if any(entry.options.get(word) for word in CLAIMS) and (
            kind not in CLAIMING or not (kind is not DeviceKind.NIC or PRESETS[preset].family is Skb)
        ):
            raise self.fail(f"{key}.options", f"a {entry.kind} of {preset} claims nothing of its own")
        if entry.options.get("claims-ip-owed") and kind not in (DeviceKind.VIRTIO, DeviceKind.TAP, DeviceKind.MACVTAP):
            raise self.fail(f"{key}.options", "claims-ip-owed is said in a virtio header: of a virtio, tap or macvtap")
        if entry.xdp == "socket" and (entry.bridge or "watches" in (words := readers.behaviours(entry.reader)) or not words):
            raise self.fail(
                f"{key}.xdp", "an AF_XDP socket needs a reader that takes what comes in, on a device that is no port of a bridge"
            )
        if kind in (*CARRIAGES, *WRAPPING) and kind is not DeviceKind.VPN and kind not in PRESETS[preset].carrying:
            raise self.fail(f"{key}.kind", f"{preset} has no {entry.kind} device")
        if tunnel:
            self.tunnel(entry, kind, key)
        if not 0 <= entry.port <= 0xFFFF:
            raise self.fail(f"{key}.port", f"{entry.port} is no port number")
        addresses = [entry.address] if isinstance(entry.address, str) else entry.address
        if kind is DeviceKind.LOOPBACK and kind not in PRESETS[preset].features:
            raise self.fail(f"{key}.kind", f"a {entry.kind} of {preset} is not modelled")
        if kind is DeviceKind.LOOPBACK and not addresses:
            addresses = list(OF_LOOPBACK)
        for text in addresses:
            self.value(ipaddress.ip_interface, text, f"{key}.address", "an address like 10.0.0.1/24")
        for word, text in (("local", entry.local), ("remote", entry.remote)):
            if text:
                self.value(exactly, text, f"{key}.{word}", "an IP address")
        if tunnel and exactly(entry.local).version != exactly(entry.remote).version:
            raise self.fail(f"{key}.remote", f"{entry.remote} is of another IP version than {entry.local}")
        if tunnel and exactly(entry.local).version not in CARRIAGES[kind].outer:
            raise self.fail(f"{key}.local", f"a {entry.kind} travels in IPv{CARRIAGES[kind].outer[0]}")
        self.options_of_kind(entry, kind, key)
        features = self.features(entry, preset, kind, key)
        mac = self.mac(entry.mac, key) if entry.mac else None
        if entry.mtu < SMALLEST_MTU:
            raise self.fail(f"{key}.mtu", f"{entry.mtu} is too small: IPv4 needs {SMALLEST_MTU} bytes (RFC 791)")
        return Device(
            name,
            kind,
            mac,
            tuple(addresses),
            features,
            entry.bridge,
            self.port(entry.peer, f"{key}.peer") if entry.peer else None,
            entry.wire,
            entry.mtu,
            {word: bool(value) for word, value in entry.xenstore.items()},
            entry.local,
            entry.remote,
            entry.port or (6080 if entry.encap == "gue" else DEFAULT_PORTS.get((kind, entry.encap), 0)),
            entry.options,
            entry.virtio,
            entry.xdp,
            entry.lower,
            entry.id,
            entry.encap,
            entry.card,
            entry.reader,
            entry.slots,
            entry.fatal_slots,
            entry.tc_in.replace("redirect ", ""),
            entry.tc_out.replace("redirect ", ""),
            self.segments(entry.segments, kind is DeviceKind.SEG6, f"{key}.segments"),
            entry.mode,
            entry.bond,
            entry.active,
        )

    def tunnel(self, entry: DeviceTable, kind: DeviceKind, key: str) -> None:
        """What only a tunnel device has to say."""
        if not (entry.local and entry.remote):
            raise self.fail(key, "a tunnel needs local and remote addresses")
        self.words([entry.encap], CARRIAGES[kind].layers, f"{key}.encap", "encapsulation")
        if entry.encap == "fou" and not entry.port:
            raise self.fail(key, "Foo over UDP has no port of its own: a tunnel with it needs port")
        if entry.encap in ("fou", "gue") and entry.options.get("csum"):
            raise self.fail(f"{key}.options", "GRE with a sum inside UDP with another one is not modelled")
        if kind is DeviceKind.ERSPAN and entry.options.get("csum"):
            raise self.fail(f"{key}.options", "the GRE header of ERSPAN has no sum")
        if entry.encap == "gpe" and (entry.options.get("remcsumtx") or entry.options.get("remcsumrx")):
            raise self.fail(f"{key}.options", "VXLAN with its protocol extension leaves no sum to the far end")

    def route(self, table: Any, devices: Mapping[str, Device], key: str) -> Route:
        entry: RouteTable = self.convert(table, RouteTable, key)
        self.words([entry.device], devices, f"{key}.device", "device")
        via: Span | None = self.value(exactly, entry.via, f"{key}.via", "an IP address") if entry.via else None
        # As in iproute2, "default" is of the next hop's IP version.
        wanted = "::/0" if entry.to == "default" and via is not None and via.version == 6 else entry.to
        to = self.value(Prefix.parse, wanted, f"{key}.to", "a prefix like 10.0.0.0/8, or default")
        if via is not None and via.version != to.version:
            raise self.fail(f"{key}.via", f"{entry.via} is of another IP version than {entry.to}")
        return Route(to, entry.device, via)

    def nat(self, table: Any, preset: str, devices: Mapping[str, Device], key: str) -> Nat:
        entry: NatTable = self.convert(table, NatTable, key)
        kinds = {kind.value: kind for kind in NatKind}
        self.words([entry.kind], kinds, f"{key}.kind", "kind of rule")
        self.words([entry.device], devices, f"{key}.device", "device")
        if entry.protocol:
            self.words([entry.protocol], (layer.name.lower() for layer in sorted(PORTED)), f"{key}.protocol", "protocol")
        if bool(entry.address) is (entry.kind == "redirect") and entry.kind != "masquerade":
            raise self.fail(key, f"a {entry.kind} rule {'has no' if entry.address else 'needs'} address")
        for word, number in (("port", entry.port), ("to-port", entry.to_port)):
            if not 0 <= number <= 0xFFFF:
                raise self.fail(f"{key}.{word}", f"{number} is no port number")
        source = self.value(Prefix.parse, entry.source, f"{key}.source", "a prefix like 10.0.0.0/8") if entry.source else None
        address = self.value(exactly, entry.address, f"{key}.address", "an IP address") if entry.address else None
        destination = self.value(Prefix.parse, entry.destination, f"{key}.destination", "a prefix") if entry.destination else None
        if destination and (entry.kind not in ("dnat", "redirect") or (address and address.version != destination.version)):
            raise self.fail(f"{key}.destination", "is of dnat and redirect, and of the IP version of address")
        self.rewriter(entry.by, (*OF_CONNECTIONS, *sorted(STATELESS - ONLY_EDIT)), preset, f"{key}.by")
        self.program(entry.by, entry.program, f"{key}.program")
        self.in_driver(entry.by, devices[entry.device], "in" if entry.kind in ("dnat", "redirect") else "out", f"{key}.by")
        self.words([entry.helper] if entry.helper else [], HELPERS, f"{key}.helper", "helper")
        if entry.helper and (entry.by != "conntrack" or "helper" not in PRESETS[preset].editors):
            raise self.fail(f"{key}.helper", f"helpers look at what conntrack translates, and those of {preset} may not be modelled")
        words = (entry.by, entry.program, entry.helper)
        return Nat(kinds[entry.kind], entry.device, source, entry.protocol, entry.port, address, entry.to_port, *words, destination)

    def local(self, table: Any, devices: Mapping[str, Device], key: str) -> Local:
        entry: LocalTable = self.convert(table, LocalTable, key)
        self.words([entry.device] if entry.device else [], devices, f"{key}.device", "device")
        self.words(
            [entry.protocol] if entry.protocol else [], (layer.name.lower() for layer in sorted(PORTED)), f"{key}.protocol", "protocol"
        )
        if not 0 <= entry.port <= 0xFFFF:
            raise self.fail(f"{key}.port", f"{entry.port} is no port number")
        if not (entry.to or entry.port or entry.protocol):
            raise self.fail(key, "takes what is for everybody: it needs to, port or protocol")
        to = self.value(Prefix.parse, entry.to, f"{key}.to", "a prefix like 10.0.0.0/8, or default") if entry.to else None
        return Local(entry.device, to, entry.protocol, entry.port, entry.as_client)

    def copy(self, table: Any, preset: str, devices: Mapping[str, Device], key: str) -> Copy:
        entry: CopyTable = self.convert(table, CopyTable, key)
        for word in ("device", "to"):
            self.words([getattr(entry, word)], devices, f"{key}.{word}", "device")
        self.words([entry.way], ("in", "out"), f"{key}.way", "way")
        protocols = (layer.name.lower() for layer in sorted(PORTED | {Layer.ICMP, Layer.ICMPV6}))
        self.words([entry.protocol] if entry.protocol else [], protocols, f"{key}.protocol", "protocol")
        kinds = {word: devices[getattr(entry, word)].kind for word in ("device", "to")}
        for word, kind in kinds.items():
            if kind in (*NO_DEVICES, DeviceKind.MACVTAP, DeviceKind.IFB) or (word == "device" and kind not in (*PAIRS, DeviceKind.NIC)):
                raise self.fail(f"{key}.{word}", f"copies {'of' if word == 'device' else 'to'} what passes a {kind.value} are not followed")
        if entry.device == entry.to or PRESETS[preset].family is not Skb:
            raise self.fail(key, "a copy goes to another device, of a Linux since 2.6.19")
        return Copy(entry.device, entry.way, entry.to, entry.protocol)

    def nat64(self, table: Any, preset: str, program: str, key: str) -> Nat64:
        entry: Nat64Table = self.convert(table, Nat64Table, key)
        prefix = self.value(Prefix.parse, entry.prefix, f"{key}.prefix", "a prefix like 64:ff9b::/96")
        if prefix.version != 6 or prefix.length not in EMBEDDED:
            raise self.fail(f"{key}.prefix", f"{entry.prefix} is no IPv6 prefix of 32, 64 or 96 bits (RFC 6052 section 2.2)")
        address = self.value(exactly, entry.address, f"{key}.address", "an IP address")
        inside = self.value(Prefix.parse, entry.inside, f"{key}.inside", "a prefix like 2001:db8:1::/64")
        if address.version == inside.version:
            raise self.fail(key, "address is of IPv4 and inside of IPv6, or the other way round")
        by = entry.by or ("program" if program else "jool")
        if (by == "program") is not bool(program):
            raise self.fail(f"{key}.by", "a program as the domain's stack translates itself, and nobody else does")
        if not program:
            self.rewriter(by, TRANSLATORS, preset, f"{key}.by")
        return Nat64(prefix, address, inside, by)

    def multicast(self, table: Any, preset: str, devices: Mapping[str, Device], key: str) -> MulticastRoute:
        entry: MulticastTable = self.convert(table, MulticastTable, key)
        for word in ("device", "to"):
            self.words([getattr(entry, word)], devices, f"{key}.{word}", "device")
        if entry.device == entry.to:
            raise self.fail(f"{key}.to", f"a packet that has come by {entry.to} is not sent back there")
        if PRESETS[preset].multicast_forward is None:
            raise self.fail(key, f"multicast routing is not modelled for {preset}")
        group = self.value(Prefix.parse, entry.group, f"{key}.group", "a prefix like 239.1.0.0/16") if entry.group else None
        if group is not None and not is_group(group.span):
            raise self.fail(f"{key}.group", f"{entry.group} is no prefix of multicast addresses")
        return MulticastRoute(entry.device, entry.to, group)

    def edit(self, table: Any, preset: str, devices: Mapping[str, Device], key: str) -> Edit:
        entry: EditTable = self.convert(table, EditTable, key)
        self.rewriter(entry.by, sorted(STATELESS - ONLY_TRANSLATE), preset, f"{key}.by")
        self.words([entry.device], devices, f"{key}.device", "device")
        self.words([entry.way], ("in", "out"), f"{key}.way", "way")
        self.in_driver(entry.by, devices[entry.device], entry.way, f"{key}.by")
        protocols = [layer.name.lower() for layer in sorted(PORTED | {Layer.ICMP, Layer.ICMPV6})]
        self.words([entry.protocol] if entry.protocol else [], protocols, f"{key}.protocol", "protocol")
        self.words(entry.sums, ["ip", *protocols], f"{key}.sums", "sum")
        numbers = [("dscp", entry.dscp, 63), ("ttl", entry.ttl, 255), ("ecn", entry.ecn, 3), ("mss", entry.mss, 0xFFFF)]
        for word, number, most in numbers:
            if number is not None and not 0 <= number <= most:
                raise self.fail(f"{key}.{word}", f"{number} is not from 0 to {most}")
        given = [word for word, number, _ in numbers if number is not None]
        given += [word for word in ("timestamps", "strip") if getattr(entry, word)]
        if bool(entry.sums) is not (entry.by == "act-csum") or (
            bool(given) is (entry.by in ("act-csum", "reject")) and entry.by != "nfqueue"
        ):
            raise self.fail(
                key, "act-csum takes sums and nothing else, reject takes nothing, all others take dscp, ttl, ecn, mss, timestamps or strip"
            )
        if entry.mss is not None and entry.by not in ("iptables", "nfqueue"):
            raise self.fail(
                f"{key}.mss", "the MSS is changed by iptables (TCPMSS, and TCP options of nft, which do the same) or nfqueue only"
            )
        if entry.mss is not None and entry.by == "nfqueue" and entry.protocol != "tcp":
            raise self.fail(f"{key}.mss", 'a queue of packets of which a program changes the MSS needs protocol = "tcp"')
        self.words([entry.strip] if entry.strip else [], TCP_OPTIONS, f"{key}.strip", "option")
        if entry.strip and (entry.by != "iptables" or len(given) > 1):
            raise self.fail(
                f"{key}.strip", "an option is stripped by iptables (TCPOPTSTRIP, and nft's reset), and nothing else by that rule"
            )
        self.program(entry.by, entry.program, f"{key}.program")
        if (entry.by in ("pf", "synproxy")) is not entry.timestamps or (entry.timestamps and len(given) > 1):
            raise self.fail(key, "timestamps are changed by pf and synproxy only, which change nothing else here")
        words = {name: getattr(entry, name) for name in ("dscp", "ttl", "ecn", "mss", "timestamps", "strip")}
        return Edit(entry.by, entry.device, entry.way, entry.protocol, **words, sums=tuple(entry.sums), program=entry.program)

    def rewriter(self, by: str, known: Iterable[str], preset: str, key: str) -> None:
        self.words([by], known, key, "rewriter")
        if by != "conntrack" and by not in PRESETS[preset].editors:
            raise self.fail(key, f"{by} is not modelled for {preset}")

    def program(self, by: str, words: str, key: str) -> None:
        if words and by != "nfqueue":
            raise self.fail(key, f"{by} is no program: only nfqueue has one behind it")
        self.behaviour(words, key, programs.OF_SOCKETS, "of a program with packet sockets, not of one behind nfqueue")

    def behaviour(self, words: str, key: str, unfit: frozenset[str], of: str) -> None:
        """``unfit`` are words that cannot apply here, as they are ``of`` another kind of program."""
        try:
            found = programs.behaviours(words)
        except ValueError as error:
            raise self.fail(key, str(error)) from None
        for word in found:
            if word in unfit:
                raise self.fail(key, f"{word} is {of}")

    def in_driver(self, by: str, device: Device, way: str, key: str) -> None:
        if by in IN_DRIVER and not (device.kind is DeviceKind.NIC and device.native_xdp and way == "in"):
            raise self.fail(key, "an XDP program edits what comes in by a nic in whose driver it runs (xdp)")

    def mac(self, text: str, key: str) -> int:
        if not re.fullmatch(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}", text):
            raise self.fail(f"{key}.mac", f"{text!r} is not a hardware address like 00:16:3e:00:00:01")
        return int(text.replace(":", ""), 16)

    def port(self, text: str, key: str) -> Port:
        domain, colon, device = text.partition(":")
        if not colon or not domain or not device:
            raise self.fail(key, f"{text!r} is not DOMAIN:DEVICE")
        return Port(domain, device)

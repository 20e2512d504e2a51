"""Topologies as TOML files: strict, with errors that name file, line, key and the nearest valid word. docs/topology.md has the format."""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from csumlab import cards, programs, readers
from csumlab.headers import Layer
from csumlab.packet import exactly
from csumlab.state import NetBuffer, Skb
from csumlab.topology.ages import AGES
from csumlab.topology.checking import BUNDLED, PAIRS, Checker, defaults
from csumlab.topology.knobs import KnobReader
from csumlab.topology.model import ALIKE, BUNDLING, CARRIAGES, SHARING, WRAPPING, Device, DeviceKind, Domain, Port, Topology
from csumlab.topology.options import (
    BRIDGE_CALLS,
    OF_NETKVM,
    SWITCHED,
    misclaimed,
)
from csumlab.topology.presets import PRESETS
from csumlab.topology.presets.versions import preset_advice
from csumlab.topology.reading import (
    DeviceTable,
    DomainTable,
    FileTable,
)
from csumlab.topology.reading import TopologyError as TopologyError
from csumlab.topology.ruling import RuleReader
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


class _Parser(KnobReader, RuleReader, Checker):
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
        if not PRESETS[entry.preset].routes and (entry.forwarding or entry.conntrack or entry.drops_invalid or entry.nat or entry.nat64):
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
        preset = entry.preset
        return Domain(
            name,
            preset,
            devices=devices,
            routes=tuple(self.route(route, devices, f"{key}.route") for route in entry.route),
            nat=tuple(self.nat(rule, preset, devices, f"{key}.nat") for rule in entry.nat),
            forwarding=entry.forwarding,
            conntrack=entry.conntrack,
            sysctl={word: bool(value) for word, value in entry.sysctl.items()},
            outside=entry.outside,
            moves_to=entry.moves_to,
            edits=tuple(self.edit(rule, preset, devices, f"{key}.edit") for rule in entry.edit),
            program=entry.program,
            nat64=tuple(self.nat64(rule, preset, entry.program, f"{key}.nat64") for rule in entry.nat64),
            multicast=tuple(self.multicast(rule, preset, devices, f"{key}.multicast") for rule in entry.multicast),
            flowtable=tuple(entry.flowtable),
            segments=self.segments(entry.segments, PRESETS[preset].segment is not None, f"{key}.segments"),
            local=tuple(self.local(rule, devices, f"{key}.local") for rule in entry.local),
            copies=tuple(self.copy(rule, preset, devices, f"{key}.copy") for rule in entry.copy),
            neighbours=self.neighbours(entry, devices, f"{key}.neighbours"),
            drops_invalid=entry.drops_invalid,
            backported=tuple(entry.backported),
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
        kinds |= {word: kinds[other] for word, other in ALIKE.items()}
        self.words([entry.kind], kinds, f"{key}.kind", "kind of device")
        kind = kinds[entry.kind]
        self.known_features(entry, key)
        self.known_xenstore(entry, kind, key)
        self.known_options(entry, key)
        self.fits_kind(entry, kind, key)
        self.fits_kernel(entry, kind, preset, key)
        self.sharing_or_bundled(entry, kind, key)
        self.described(entry, preset, key)
        self.diverted(entry, preset, key)
        self.options_of_kernel(entry, kind, preset, key)
        if kind in CARRIAGES:
            self.tunnel(entry, kind, key)
        self.port_number(entry.port, f"{key}.port")
        addresses = [entry.address] if isinstance(entry.address, str) else entry.address
        if kind is DeviceKind.LOOPBACK and not addresses:
            addresses = list(OF_LOOPBACK)
        for text in addresses:
            self.value(ipaddress.ip_interface, text, f"{key}.address", "an address like 10.0.0.1/24")
        self.options_of_kind(entry, kind, key)
        features = self.features(entry, preset, kind, key)
        mac = self.mac(entry.mac, key) if entry.mac else None
        if entry.mtu < SMALLEST_MTU:
            raise self.fail(f"{key}.mtu", f"{entry.mtu} is too small: IPv4 needs {SMALLEST_MTU} bytes (RFC 791)")
        return Device(
            name,
            kind,
            mac=mac,
            addresses=tuple(addresses),
            features=features,
            bridge=entry.bridge,
            peer=self.port(entry.peer, f"{key}.peer") if entry.peer else None,
            wire=entry.wire,
            mtu=entry.mtu,
            xenstore={word: bool(value) for word, value in entry.xenstore.items()},
            local=entry.local,
            remote=entry.remote,
            port=entry.port or (6080 if entry.encap == "gue" else DEFAULT_PORTS.get((kind, entry.encap), 0)),
            options=entry.options,
            virtio=entry.virtio,
            xdp=entry.xdp,
            lower=entry.lower,
            id=entry.id,
            encap=entry.encap,
            card=entry.card,
            reader=entry.reader,
            slots=entry.slots,
            fatal_slots=entry.fatal_slots,
            tc_in=entry.tc_in.replace("redirect ", ""),
            tc_out=entry.tc_out.replace("redirect ", ""),
            segments=self.segments(entry.segments, kind is DeviceKind.SEG6, f"{key}.segments"),
            mode=entry.mode,
            bond=entry.bond,
            active=entry.active,
        )

    def fits_kind(self, entry: DeviceTable, kind: DeviceKind, key: str) -> None:
        """Every word is one that a device of this kind has."""
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

    def fits_kernel(self, entry: DeviceTable, kind: DeviceKind, preset: str, key: str) -> None:
        """The kernel has such devices, and what it does with them is modelled."""
        known = PRESETS[preset]
        if (known.devices and kind not in known.devices) or (kind is DeviceKind.LOOPBACK and kind not in known.features):
            raise self.fail(f"{key}.kind", f"a {entry.kind} of {preset} is not modelled")
        if (
            (kind in (DeviceKind.VIRTIO, DeviceKind.TAP, DeviceKind.MACVTAP) and not known.has_virtio)
            or (kind in (*SHARING, *BUNDLING) and kind not in known.stacked)
            or (kind in SWITCHED and kind not in known.switched)
            or (kind in (*CARRIAGES, *WRAPPING) and kind is not DeviceKind.VPN and kind not in known.carrying)
        ):
            raise self.fail(f"{key}.kind", f"{preset} has no {entry.kind} device")

    def sharing_or_bundled(self, entry: DeviceTable, kind: DeviceKind, key: str) -> None:
        """What a device that shares another one has to say, and what a port of a bond has not."""
        if kind in SHARING and not entry.mode:
            raise self.fail(
                f"{key}.mode", f"a {entry.kind} needs one: {', '.join(MODES[kind])} (ip link, told none, makes {UNTOLD_MODE[kind]})"
            )
        if kind in SHARING:
            self.words([entry.mode], MODES[kind], f"{key}.mode", "mode")
        if entry.bond and (entry.bridge or entry.address):
            raise self.fail(f"{key}.bond", "a port of a bond has no address and no bridge of its own: the bond has")

    def described(self, entry: DeviceTable, preset: str, key: str) -> None:
        """Words for how a card, a hypervisor or a program behaves."""
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

    def diverted(self, entry: DeviceTable, preset: str, key: str) -> None:
        """Programs that send frames elsewhere."""
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
        if entry.xdp == "socket" and (entry.bridge or "watches" in (words := readers.behaviours(entry.reader)) or not words):
            raise self.fail(
                f"{key}.xdp", "an AF_XDP socket needs a reader that takes what comes in, on a device that is no port of a bridge"
            )

    def options_of_kernel(self, entry: DeviceTable, kind: DeviceKind, preset: str, key: str) -> None:
        """Options that only some kinds of some kernels have."""
        if entry.options.get("tunnels-unfilled") and kind is not DeviceKind.VMPORT:
            raise self.fail(f"{key}.options", "tunnels-unfilled is of a vmport")
        if any(entry.options.get(word) for word in OF_NETKVM) and (
            kind is not DeviceKind.VIRTIO or PRESETS[preset].family is not NetBuffer
        ):
            raise self.fail(f"{key}.options", f"{', '.join(OF_NETKVM)} are of a virtio of Windows")
        if entry.options.get("heeds-rx-off") and (kind is not DeviceKind.VIF or PRESETS[preset].family is not Skb):
            raise self.fail(f"{key}.options", "heeds-rx-off is of a vif of Linux")
        if entry.options.get("card-encrypts") and (kind is not DeviceKind.ESP or PRESETS[preset].family is not Skb):
            raise self.fail(f"{key}.options", "card-encrypts is of esp of Linux")
        wrong = misclaimed(kind, PRESETS[preset].family is Skb, entry.options)
        if wrong:
            raise self.fail(f"{key}.options", wrong.format(f"{entry.kind} of {preset}"))

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
        for word, text in (("local", entry.local), ("remote", entry.remote)):
            self.value(exactly, text, f"{key}.{word}", "an IP address")
        if exactly(entry.local).version != exactly(entry.remote).version:
            raise self.fail(f"{key}.remote", f"{entry.remote} is of another IP version than {entry.local}")
        if exactly(entry.local).version not in CARRIAGES[kind].outer:
            raise self.fail(f"{key}.local", f"a {entry.kind} travels in IPv{CARRIAGES[kind].outer[0]}")

    def mac(self, text: str, key: str) -> int:
        if not re.fullmatch(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}", text):
            raise self.fail(f"{key}.mac", f"{text!r} is not a hardware address like 00:16:3e:00:00:01")
        return int(text.replace(":", ""), 16)

    def port(self, text: str, key: str) -> Port:
        domain, colon, device = text.partition(":")
        if not colon or not domain or not device:
            raise self.fail(key, f"{text!r} is not DOMAIN:DEVICE")
        return Port(domain, device)

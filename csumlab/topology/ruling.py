"""A domain's rules as a topology file has them: routes, translation, edits, copies, and packets of others that are taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from csumlab import programs
from csumlab.headers import Layer
from csumlab.packet import PORTED, Span, exactly
from csumlab.stages.helpers import HELPERS
from csumlab.stages.rewriters import IN_DRIVER, OF_CONNECTIONS, ONLY_EDIT, ONLY_TRANSLATE, STATELESS, TRANSLATORS
from csumlab.stages.rewriters import OPTIONS as TCP_OPTIONS
from csumlab.state import Skb
from csumlab.topology.checking import PAIRS
from csumlab.topology.forward import is_group
from csumlab.topology.model import NO_DEVICES, Device, DeviceKind
from csumlab.topology.presets import PRESETS
from csumlab.topology.reading import CopyTable, EditTable, LocalTable, MulticastTable, Nat64Table, NatTable, Reader, RouteTable
from csumlab.topology.rules import EMBEDDED, Copy, Edit, Local, MulticastRoute, Nat, Nat64, NatKind, Prefix, Route

_PROTOCOLS = tuple(layer.name.lower() for layer in sorted(PORTED))
_WITH_ICMP = tuple(layer.name.lower() for layer in sorted(PORTED | {Layer.ICMP, Layer.ICMPV6}))


class RuleReader(Reader):
    """Tables of rules as rules, where they can be ones of the domain with its kernel and devices."""

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
        self.word(entry.protocol, _PROTOCOLS, f"{key}.protocol", "protocol")
        if bool(entry.address) is (entry.kind == "redirect") and entry.kind != "masquerade":
            raise self.fail(key, f"a {entry.kind} rule {'has no' if entry.address else 'needs'} address")
        self.port_number(entry.port, f"{key}.port")
        self.port_number(entry.to_port, f"{key}.to-port")
        source = self.value(Prefix.parse, entry.source, f"{key}.source", "a prefix like 10.0.0.0/8") if entry.source else None
        address = self.value(exactly, entry.address, f"{key}.address", "an IP address") if entry.address else None
        destination = self.value(Prefix.parse, entry.destination, f"{key}.destination", "a prefix") if entry.destination else None
        if destination and (entry.kind not in ("dnat", "redirect") or (address and address.version != destination.version)):
            raise self.fail(f"{key}.destination", "is of dnat and redirect, and of the IP version of address")
        self.rewriter(entry.by, (*OF_CONNECTIONS, *sorted(STATELESS - ONLY_EDIT)), preset, f"{key}.by")
        self.program(entry.by, entry.program, f"{key}.program")
        self.in_driver(entry.by, devices[entry.device], "in" if entry.kind in ("dnat", "redirect") else "out", f"{key}.by")
        self.word(entry.helper, HELPERS, f"{key}.helper", "helper")
        if entry.helper and (entry.by != "conntrack" or "helper" not in PRESETS[preset].editors):
            raise self.fail(f"{key}.helper", f"helpers look at what conntrack translates, and those of {preset} may not be modelled")
        words = (entry.by, entry.program, entry.helper)
        return Nat(kinds[entry.kind], entry.device, source, entry.protocol, entry.port, address, entry.to_port, *words, destination)

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

    def edit(self, table: Any, preset: str, devices: Mapping[str, Device], key: str) -> Edit:
        entry: EditTable = self.convert(table, EditTable, key)
        self.rewriter(entry.by, sorted(STATELESS - ONLY_TRANSLATE), preset, f"{key}.by")
        self.words([entry.device], devices, f"{key}.device", "device")
        self.words([entry.way], ("in", "out"), f"{key}.way", "way")
        self.in_driver(entry.by, devices[entry.device], entry.way, f"{key}.by")
        self.word(entry.protocol, _WITH_ICMP, f"{key}.protocol", "protocol")
        self.words(entry.sums, ["ip", *_WITH_ICMP], f"{key}.sums", "sum")
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
        self.word(entry.strip, TCP_OPTIONS, f"{key}.strip", "option")
        if entry.strip and (entry.by != "iptables" or len(given) > 1):
            raise self.fail(
                f"{key}.strip", "an option is stripped by iptables (TCPOPTSTRIP, and nft's reset), and nothing else by that rule"
            )
        self.program(entry.by, entry.program, f"{key}.program")
        if (entry.by in ("pf", "synproxy")) is not entry.timestamps or (entry.timestamps and len(given) > 1):
            raise self.fail(key, "timestamps are changed by pf and synproxy only, which change nothing else here")
        words = {name: getattr(entry, name) for name in ("dscp", "ttl", "ecn", "mss", "timestamps", "strip")}
        return Edit(entry.by, entry.device, entry.way, entry.protocol, **words, sums=tuple(entry.sums), program=entry.program)

    def copy(self, table: Any, preset: str, devices: Mapping[str, Device], key: str) -> Copy:
        entry: CopyTable = self.convert(table, CopyTable, key)
        for word in ("device", "to"):
            self.words([getattr(entry, word)], devices, f"{key}.{word}", "device")
        self.words([entry.way], ("in", "out"), f"{key}.way", "way")
        self.word(entry.protocol, _WITH_ICMP, f"{key}.protocol", "protocol")
        kinds = {word: devices[getattr(entry, word)].kind for word in ("device", "to")}
        for word, kind in kinds.items():
            if kind in (*NO_DEVICES, DeviceKind.MACVTAP, DeviceKind.IFB) or (word == "device" and kind not in (*PAIRS, DeviceKind.NIC)):
                raise self.fail(f"{key}.{word}", f"copies {'of' if word == 'device' else 'to'} what passes a {kind.value} are not followed")
        if entry.device == entry.to or PRESETS[preset].family is not Skb:
            raise self.fail(key, "a copy goes to another device, of a Linux since 2.6.19")
        return Copy(entry.device, entry.way, entry.to, entry.protocol)

    def local(self, table: Any, devices: Mapping[str, Device], key: str) -> Local:
        entry: LocalTable = self.convert(table, LocalTable, key)
        self.word(entry.device, devices, f"{key}.device", "device")
        self.word(entry.protocol, _PROTOCOLS, f"{key}.protocol", "protocol")
        self.port_number(entry.port, f"{key}.port")
        if not (entry.to or entry.port or entry.protocol):
            raise self.fail(key, "takes what is for everybody: it needs to, port or protocol")
        to = self.value(Prefix.parse, entry.to, f"{key}.to", "a prefix like 10.0.0.0/8, or default") if entry.to else None
        return Local(entry.device, to, entry.protocol, entry.port, entry.as_client)

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

"""What is said to a kernel and to a wire in its own words: options of a tunnel, translation rules, a card's work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_interface

from csumlab.inet import negate, residue
from csumlab.packet import Span
from csumlab.stages.helpers import HELPERS
from csumlab.topology.model import Device, Domain
from csumlab.topology.rules import Nat, NatKind

from . import segments
from .ports import NEEDS_CSUM, Virtio
from .sockets import PORT

KERNEL_NAMES = {"snmp": "snmp_trap", "mss": "maxseg"}
"""The helper of SNMP that needs no other packet first is that of traps; options of TCP as nft has them."""
VNI = 1
"""The network identifier that the model writes too (csumlab/plain/packet.py FramePacket.push)."""


def vxlan_options(device: Device) -> str:
    sums = device.options.get("udpcsum", True)
    if ":" in device.local:
        text = "noudp6zerocsumtx" if sums else "udp6zerocsumtx"
        text += " udp6zerocsumrx" if device.options.get("udp6zerocsumrx") else " noudp6zerocsumrx"
    else:
        text = "udpcsum" if sums else "noudpcsum"
    remote = " ".join(word for word in ("remcsumtx", "remcsumrx") if device.options.get(word))
    return f"local {device.local} remote {device.remote} dstport {device.port} {text} {remote} nolearning ttl 64"


def ruleset(domain: Domain) -> str:
    """Connection tracking and the translation rules, as nft reads them."""
    before: list[str] = []
    after: list[str] = []
    sent: list[str] = []
    for rule in domain.tracked:
        family = f"ip{'6' if (rule.source or rule.destination or rule.address or Span(4, 0, 0)).version == 6 else ''}"
        if rule.of_destinations:
            own = domain.loopback is not None and rule.device == domain.loopback.name
            (sent if own else before).extend(_redirections(rule, domain.devices[rule.device].spans, own))
            continue
        match = f"oifname {rule.device}" + (
            f" {family} saddr {ip_interface((rule.source.low, rule.source.length)).network}" if rule.source else ""
        )
        if rule.protocol:
            match += f" meta l4proto {rule.protocol}"
        action = "masquerade" if rule.kind is NatKind.MASQUERADE and rule.address is None else f"snat {family} to {rule.address}"
        if rule.to_port:
            ported = (
                f"masquerade to :{rule.to_port}" if action == "masquerade" else f"snat {family} to {_with_port(rule.address, rule.to_port)}"
            )
            after.append(f"{match} meta l4proto {{ tcp, udp, udplite, sctp }} {ported}")
        after.append(f"{match} {action}")
    lines = ["table inet csumlab {"]
    if domain.tracks():
        lines.append("chain track { type filter hook prerouting priority 0; ct state invalid counter; }")
    lines += ["chain edit { type filter hook postrouting priority -150;", *_statements(domain), "}"]
    lines = [*_helpers(domain), *lines[1:]] if any(rule.helper for rule in domain.nat) else lines
    refusals = [f"oifname {edit.device} meta l4proto tcp reject with tcp reset" for edit in domain.edits if edit.by == "reject"]
    lines += ["chain refuse { type filter hook forward priority 0;", *refusals, "}"] if refusals else []
    lines += ["chain dropping { type filter hook forward priority 0;", "ct state invalid drop", "}"] if domain.drops_invalid else []
    lines += ["chain take { type filter hook prerouting priority -150;", *_taken(domain), "}"] if domain.local else []
    lines += ["chain sent { type nat hook output priority -100;", *sent, "}"] if sent else []
    lines += ["chain before { type nat hook prerouting priority -100;", *before, "}"] if before else []
    lines += ["chain after { type nat hook postrouting priority 100;", *after, "}"] if after else []
    return "\n".join([*lines, "}", ""])


def _redirections(rule: Nat, own: Sequence[Span], sent: bool) -> Iterator[str]:
    """Rules for where packets go: to another host, or here (redirect); ``sent``: those that the host itself sends."""
    protocols = [rule.protocol] if rule.protocol else ["tcp", "udp"] if rule.port or rule.to_port else [""]
    for version in (4, 6):
        family = "ip" if version == 4 else "ip6"
        for span in rule.wanted(own, version) if rule.target(own, version) is not None else ():
            match = f"{'' if sent else f'iifname {rule.device} '}meta nfproto ipv{version}"
            if rule.destination is not None:
                match += f" {family} daddr {segments.network(rule.destination)}"
            elif span.exact:
                match += f" {family} daddr {span}"
            target = f"dnat {family} to {_with_port(rule.address, rule.to_port)}"
            if rule.kind is NatKind.REDIRECT:
                target = f"redirect to :{rule.to_port}" if rule.to_port else "redirect"
            for protocol in protocols:
                extra = f" {protocol} dport {rule.port}" if rule.port else f" meta l4proto {protocol}" if protocol else ""
                yield f"{match}{extra} {target}"


MARKED = 0xCA
"""The mark of packets that a socket here takes whatever their destination, and the table of routes that they are looked up in."""


def _taken(domain: Domain) -> Iterator[str]:
    """Rules that hand what is for others to sockets here (TPROXY)."""
    for rule in domain.local:
        if rule.port:
            into = f"iifname {rule.device} " if rule.device else ""
            for family, version in (("ip", 4), ("ip6", 6)):
                if rule.to is None or rule.to.version == version:
                    to = f"{family} daddr {segments.network(rule.to)} " if rule.to else ""
                    asked = f"{rule.protocol} dport {rule.port}"
                    yield f"{into}{to}meta nfproto ipv{version} {asked} tproxy {family} to :{PORT} meta mark set {MARKED} accept"


def local_routes(domain: Domain, version: int) -> Iterator[str]:
    """What makes the packets of ``local`` rules end here, as iproute2 takes it for one version of IP."""
    if any(rule.port for rule in domain.local):
        yield f"rule add fwmark {MARKED} lookup {MARKED}"
        yield f"route add local default dev lo table {MARKED}"
    for rule in domain.local:
        if not rule.port and rule.to is not None and rule.to.version == version:
            yield f"route add local {segments.network(rule.to)} dev lo"


def _helpers(domain: Domain) -> Iterator[str]:
    """The head of the table, and the helpers of connection tracking that its rules have, for IPv4."""
    yield "table inet csumlab {"
    rules = []
    for name in {rule.helper for rule in domain.nat if rule.helper}:
        for layer, ports in HELPERS[name].ports.items():
            protocol, word = layer.name.lower(), f"{name}-{layer.name.lower()}"
            yield f'ct helper {word} {{ type "{KERNEL_NAMES.get(name, name)}" protocol {protocol}; l3proto ip; }}'
            rules.append(f'{protocol} dport {{ {", ".join(map(str, ports))} }} ct helper set "{word}"')
    yield "chain help { type filter hook prerouting priority -50; " + "; ".join(rules) + "; }"


def _statements(domain: Domain) -> Iterator[str]:
    """Rules of nft that edit a packet; a port before the address that the next rule asks for."""
    for rule in domain.nat:
        if rule.by == "nft" and rule.source is not None:
            family = "ip6" if rule.source.version == 6 else "ip"
            match = f"oifname {rule.device} {family} saddr {ip_interface((rule.source.low, rule.source.length)).network}"
            for protocol in ("tcp", "udp", "udplite", "sctp") if rule.to_port else ():
                yield f"{match} meta l4proto {protocol} {protocol} sport set {rule.to_port}"
            yield f"{match} {family} saddr set {rule.address}"
    for edit in domain.edits:
        if edit.by in ("nfqueue", "reject"):
            continue
        match = f"oifname {edit.device}"
        if edit.mss is not None:
            yield f"{match} tcp option maxseg size set {edit.mss}"
        if edit.strip:
            yield f"{match} reset tcp option {KERNEL_NAMES.get(edit.strip, edit.strip)}"
        if edit.dscp is not None:
            yield from (f"{match} {family} dscp set {edit.dscp}" for family in ("ip", "ip6"))
        if edit.ecn is not None:
            yield from (f"{match} {family} ecn set {edit.ecn}" for family in ("ip", "ip6"))
        if edit.ttl is not None:
            yield from (f"{match} {words} set {edit.ttl}" for words in ("ip ttl", "ip6 hoplimit"))


def _with_port(address: Span | None, port: int) -> str:
    if not port:
        return str(address)
    return f"[{address}]:{port}" if address is not None and address.version == 6 else f"{address}:{port}"


def finished(virtio: Virtio, frame: bytes) -> bytes:
    """What a card puts on its wire (Documentation/networking/checksum-offloads.rst, TX Checksum Offload)."""
    if not virtio.flags & NEEDS_CSUM:
        return frame
    at = virtio.start + virtio.offset
    value = negate(residue(frame[virtio.start :])) or 0xFFFF
    return frame[:at] + value.to_bytes(2, "big") + frame[at + 2 :]

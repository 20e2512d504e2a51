"""What is said to a kernel and to a wire in its own words: options of a tunnel, translation rules, a card's work."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_interface

from csumlab.inet import negate, residue
from csumlab.packet import Span
from csumlab.stages.helpers import HELPERS
from csumlab.topology.model import Device, Domain, NatKind

from .ports import NEEDS_CSUM, Virtio

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
    before, after = [], []
    for rule in domain.tracked:
        family = f"ip{'6' if (rule.source or rule.address or Span(4, 0, 0)).version == 6 else ''}"
        if rule.kind is NatKind.DNAT:
            own = [span for span in domain.devices[rule.device].spans if rule.address and span.version == rule.address.version]
            for span in own:
                match = f"iifname {rule.device} {family} daddr {span}"
                target = f"dnat {family} to {_with_port(rule.address, rule.to_port)}"
                for protocol in [rule.protocol] if rule.protocol else ["tcp", "udp"] if rule.port or rule.to_port else [""]:
                    extra = f" {protocol} dport {rule.port}" if rule.port else f" meta l4proto {protocol}" if protocol else ""
                    before.append(f"{match}{extra} {target}")
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
    lines += ["chain before { type nat hook prerouting priority -100;", *before, "}"] if before else []
    lines += ["chain after { type nat hook postrouting priority 100;", *after, "}"] if after else []
    return "\n".join([*lines, "}", ""])


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
        if edit.by == "nfqueue":
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

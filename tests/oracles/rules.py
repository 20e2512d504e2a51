"""What is said to a kernel and to a wire in its own words: options of a tunnel, translation rules, a card's work."""

from __future__ import annotations

from ipaddress import ip_interface

from csumlab.inet import negate, residue
from csumlab.packet import Span
from csumlab.topology.model import Device, Domain, NatKind

from .ports import NEEDS_CSUM, Virtio

VNI = 1
"""The network identifier that the model writes too (csumlab/plain.py FramePacket.push)."""


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
    for rule in domain.nat:
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
    lines = ["table inet csumlab {", "chain track { type filter hook prerouting priority 0; ct state invalid counter; }"]
    lines += ["chain before { type nat hook prerouting priority -100;", *before, "}"] if before else []
    lines += ["chain after { type nat hook postrouting priority 100;", *after, "}"] if after else []
    return "\n".join([*lines, "}", ""])


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

"""The checksum of a datagram from the sums of its pieces."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final, NamedTuple

from csumlab.crc32c import changed, crc32c, shift
from csumlab.facts import FieldValue, Quality, verdict_of
from csumlab.fragments.assembly import Assembly, Datagram, Outcome
from csumlab.fragments.pieces import HEAD, WALKED, walk, word_at
from csumlab.headers import KINDS, Kind
from csumlab.inet import MODULUS, residue
from csumlab.kernels.routing import is_cryptographic

_ONE_VERSION: Final = {Kind.ICMP: 4, Kind.IGMP: 4, Kind.ICMPV6: 6, Kind.OSPFV2: 4, Kind.OSPFV3: 6}
_EITHER: Final = (Kind.TCP, Kind.UDP, Kind.DCCP, Kind.RSVP, Kind.GRE, Kind.EIGRP, Kind.SCTP, Kind.UDPLITE)
KIND_OF: Final = {(version, KINDS[kind].protocol): kind for kind, version in _ONE_VERSION.items()} | {
    (version, KINDS[kind].protocol): kind for kind in _EITHER for version in (4, 6)
}
"""The kinds whose sum over pieces is known, by IP version and protocol."""
LEAST: Final = {Kind.TCP: 20, Kind.UDP: 8, Kind.UDPLITE: 8, Kind.SCTP: 12, Kind.DCCP: 12, Kind.OSPFV2: 24, Kind.OSPFV3: 16, Kind.RSVP: 8}
"""Bytes of the shortest header; elsewhere the checksum field must be there."""


class Judged(NamedTuple):
    kind: Kind
    reason: str
    residue: int | None = None
    seed: int | None = None
    field: FieldValue = FieldValue.UNKNOWN


def _quality(value: int | None) -> Quality:
    return Quality.UNKNOWN if value is None else (Quality.NONZERO if value else Quality.ZERO)


def finished(assembly: Assembly, ending: str) -> Datagram:
    """The datagram as it is now; ``ending`` says why no more pieces are waited for."""
    missing = assembly.missing()
    cut = next((piece.cut for piece in assembly.pieces.values() if piece.cut), "")
    if assembly.spoiled:
        outcome, reason = assembly.spoiled
    elif missing:
        outcome, reason = Outcome.MISSING, missing + ending
    else:
        outcome, reason = (Outcome.CUT, cut) if cut else (Outcome.COMPLETE, "")
    judged = judge(assembly, reason)
    return Datagram(
        kind=judged.kind,
        verdict=verdict_of(judged.kind, _quality(judged.residue), _quality(judged.seed), Quality.UNKNOWN, judged.field),
        reason=judged.reason,
        residue=judged.residue,
        seed_zero=judged.seed == 0,
        packets=tuple(assembly.packets),
        pieces=len(assembly.pieces),
        source=str(ip_address(assembly.found.source)),
        destination=str(ip_address(assembly.found.destination)),
        identification=assembly.found.identification,
        length=assembly.length,
        out_of_order=assembly.out_of_order,
        copies=assembly.copies,
        outcome=outcome,
        key=assembly.found.key,
    )


def judge(assembly: Assembly, reason: str) -> Judged:
    """Residue and seed of the transport checksum. With a ``reason`` the residue is not known, but the seed may be."""
    found, length, head = assembly.found, assembly.length, assembly.head()
    protocol, at, route = found.protocol, 0, found.route
    if head:
        protocol, at, route = walk(head, protocol, 0, route)
    kind = KIND_OF.get((found.version, protocol), Kind.NOTHING)
    if protocol in WALKED or protocol == -1:
        return Judged(kind, reason or f"the transport header is not within the first {HEAD} bytes")
    if not kind:
        return Judged(kind, reason or f"no checksum is known for protocol {protocol}")
    if assembly.spoiled:
        return Judged(kind, reason)
    rule = KINDS[kind]
    header = head[at:]
    if len(header) < LEAST.get(kind, rule.field + rule.width):
        return Judged(kind, reason or "the transport header ends early")
    size = None if length is None else length - at
    kind, why, covered = _coverage(kind, header, size)
    if not kind:
        return Judged(kind, reason or why)
    raw = header[rule.field : rule.field + rule.width]
    value = FieldValue.OTHER if any(raw) else FieldValue.ZEROS
    if rule.crc:
        return _judge_crc(assembly, kind, reason or why, head, at, value)
    if rule.pseudo and not route.known:
        return Judged(kind, reason or "the final destination cannot be read from the routing header", field=value)
    pseudo, seed = 0, None
    if not rule.pseudo:
        seed = int.from_bytes(raw, "big") % MODULUS
    elif covered is not None:
        pseudo = residue(route.source) + residue(route.destination) + protocol + covered
        seed = (int.from_bytes(raw, "big") - pseudo) % MODULUS
    if reason or why:
        return Judged(kind, reason or why, None, seed, value)
    total = sum(piece.residue for piece in assembly.pieces.values()) - residue(head[:at]) + pseudo
    if kind is Kind.OSPFV2:
        total -= residue(header[16:24])
    return Judged(kind, "", total % MODULUS, seed, value)


def _judge_crc(assembly: Assembly, kind: Kind, reason: str, head: bytes, at: int, value: FieldValue) -> Judged:
    """SCTP. The field counts as zeros (RFC 9260 section 6.8) and stores the CRC with its lowest byte first (appendix A)."""
    crc, length = assembly.crc(), assembly.length
    if reason or crc is None or length is None:
        return Judged(kind, reason or "the pieces disagree about the protocol", field=value)
    stored = head[at + 8 : at + 12]
    crc ^= shift(crc32c(head[:at]), length - at) ^ changed(stored, length - at - 12)
    return Judged(kind, "", int.from_bytes(crc.to_bytes(4, "little"), "big") ^ int.from_bytes(stored, "big"), None, value)


def _coverage(kind: Kind, header: bytes, size: int | None) -> tuple[Kind, str, int | None]:
    """The kind if it has a checksum after all, why not all of the ``size`` bytes are covered, and the length in the pseudo-header."""
    said = size
    match kind:
        case Kind.UDP:
            said = word_at(header, 4)
            if said < 8:
                return kind, "the UDP length is below 8", None
        case Kind.UDPLITE:
            if word_at(header, 4) not in (0, size):
                return kind, "the checksum covers a part of the datagram only", size
        case Kind.DCCP:
            if header[5] & 15:
                return kind, "the checksum covers a part of the datagram only", size
        case Kind.GRE:
            if header[0] & 0x80 == 0 or header[1] & 7:
                return Kind.NOTHING, "this GRE header has no checksum", None
        case Kind.OSPFV2 | Kind.OSPFV3:
            if header[0] != (2 if kind is Kind.OSPFV2 else 3):
                return Kind.NOTHING, f"no checksum is known for OSPF version {header[0]}", None
            if kind is Kind.OSPFV2 and is_cryptographic(word_at(header, 14)):
                return Kind.NOTHING, "OSPF with cryptographic authentication has no checksum", None
            said = word_at(header, 2)
        case Kind.RSVP:
            said = word_at(header, 6)
    if size is not None and said != size:
        return kind, f"the length in the {KINDS[kind].label} header ({said}) is not that of the datagram ({size})", said
    return kind, "", said

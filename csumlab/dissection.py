"""One packet, dissected and readable: what ``explain``, the plain-bytes executor and tests look at. Never runs compiled code."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from csumlab.capture.block import HAS_FLAGS
from csumlab.facts import AddressFacts, Facts, FieldValue, FragmentRole, Quality, SumFacts
from csumlab.headers import KINDS, Kind, Layer, Reason, Verdict
from csumlab.kernels import layout as k
from csumlab.kernels.classes import FLAG_BITS
from csumlab.kernels.packet import dissect
from csumlab.tables import NO_TABLES, Tables


@dataclass(frozen=True, slots=True)
class Header:
    """One header: ``offset`` from the start of the packet and ``length``, in bytes; the length of an OPAQUE one is not known and 0."""

    layer: Layer
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Checksum:
    """One checksum. ``header`` indexes the headers, ``at`` is the field's offset in the packet, ``start`` to ``end`` the bytes it covers.

    ``field`` is raw; ``pseudo`` (P), ``residue`` (r) and ``seed`` (g) are residues. None: not known, for the reason beside it.
    """

    kind: Kind
    header: int
    at: int
    start: int
    end: int
    field: int | None
    pseudo: int | None
    residue: int | None
    seed: int | None
    why_residue: Reason
    why_seed: Reason
    verdict: Verdict

    def __str__(self) -> str:
        return f"{KINDS[self.kind].label} at {self.at}: {self.verdict.name.lower()}"


@dataclass(frozen=True, slots=True)
class Dissection:
    """One packet: its headers outermost first, its checksums outermost first, and the facts that put it into a class."""

    headers: tuple[Header, ...]
    sums: tuple[Checksum, ...]
    facts: Facts

    def __str__(self) -> str:
        stack = " ".join(header.layer.name for header in self.headers)
        return f"{stack}: " + (", ".join(map(str, self.sums)) or "no checksum")


def dissect_packet(
    data: bytes | memoryview,
    linktype: int,
    original: int | None = None,
    tables: Tables = NO_TABLES,
    *,
    interface: int = 0,
    flags: int = 0,
) -> Dissection:
    """Dissect ``data``, the captured bytes of a packet that had ``original`` bytes on the wire (all of them captured if None).

    ``flags`` as in a Block's column. Never raises for any bytes.
    """
    work = [0] * k.WORK_SIZE
    dissect(data, 0, len(data), len(data) if original is None else original, linktype, _flat(tables), work)
    return Dissection(
        headers=tuple(_header(work, index) for index in range(work[k.N_LAYERS])),
        sums=tuple(_checksum(work, index) for index in range(work[k.N_SUMS])),
        facts=_facts(work, linktype, interface, flags),
    )


def facts_of(
    data: bytes | memoryview,
    linktype: int,
    original: int | None = None,
    tables: Tables = NO_TABLES,
    *,
    interface: int = 0,
    flags: int = 0,
) -> Facts:
    """The facts of one packet; arguments as for :func:`dissect_packet`."""
    return dissect_packet(data, linktype, original, tables, interface=interface, flags=flags).facts


# Members by number: an enumeration's own look-up is ten times as slow.
_LAYERS = tuple(Layer)
_KINDS = tuple(Kind)
_VERDICTS = tuple(Verdict)
_REASONS = tuple(Reason)
_QUALITIES = tuple(Quality)
_FIELD_VALUES = tuple(FieldValue)
_ROLES = tuple(FragmentRole)
_flat = lru_cache(maxsize=4)(Tables.flat)


def _header(work: list[int], index: int) -> Header:
    at = k.LAYERS + k.LAYER_SIZE * index
    return Header(_LAYERS[work[at + k.LAYER_KIND]], work[at + k.LAYER_OFFSET], work[at + k.LAYER_LENGTH])


def _checksum(work: list[int], index: int) -> Checksum:
    at = k.SUMS + k.SUM_SIZE * index
    seed_known = work[at + k.SUM_WHY_SEED] == Reason.KNOWN
    return Checksum(
        kind=_KINDS[work[at + k.SUM_KIND]],
        header=work[at + k.SUM_HEADER],
        at=work[at + k.SUM_AT],
        start=work[at + k.SUM_START],
        end=work[at + k.SUM_END],
        field=work[at + k.SUM_FIELD] if work[at + k.SUM_FIELD_VALUE] != FieldValue.UNKNOWN else None,
        pseudo=work[at + k.SUM_PSEUDO] if seed_known else None,
        residue=work[at + k.SUM_RESIDUE] if work[at + k.SUM_WHY_RESIDUE] == Reason.KNOWN else None,
        seed=work[at + k.SUM_SEED] if seed_known else None,
        why_residue=_REASONS[work[at + k.SUM_WHY_RESIDUE]],
        why_seed=_REASONS[work[at + k.SUM_WHY_SEED]],
        verdict=_VERDICTS[work[at + k.SUM_VERDICT]],
    )


def _sum_facts(work: list[int], index: int) -> SumFacts:
    at = k.SUMS + k.SUM_SIZE * index
    return SumFacts(
        kind=_KINDS[work[at + k.SUM_KIND]],
        header=work[at + k.SUM_HEADER],
        residue=_QUALITIES[work[at + k.SUM_QUALITY_RESIDUE]],
        seed=_QUALITIES[work[at + k.SUM_QUALITY_SEED]],
        settled=_QUALITIES[work[at + k.SUM_QUALITY_SETTLED]],
        field=_FIELD_VALUES[work[at + k.SUM_FIELD_VALUE]],
        why_residue=_REASONS[work[at + k.SUM_WHY_RESIDUE]],
        why_seed=_REASONS[work[at + k.SUM_WHY_SEED]],
        covers_odd=bool(work[at + k.SUM_ODD]),
        verdict=_VERDICTS[work[at + k.SUM_VERDICT]],
    )


def _address_facts(work: list[int], index: int) -> AddressFacts:
    at = k.ADDRESSES + k.ADDRESS_SIZE * index
    return AddressFacts(
        header=work[at + k.ADDRESS_HEADER],
        source=work[at + k.ADDRESS_SOURCE],
        destination=work[at + k.ADDRESS_DESTINATION],
        fragment=_ROLES[work[at + k.ADDRESS_FRAGMENT]],
        protocol=work[at + k.ADDRESS_PROTOCOL],
        source_port=work[at + k.ADDRESS_SOURCE_PORT],
        destination_port=work[at + k.ADDRESS_DESTINATION_PORT],
        ttl_expires=bool(work[at + k.ADDRESS_TTL]),
        extensions=bool(work[at + k.ADDRESS_EXTENSIONS]),
        length=work[at + k.ADDRESS_LENGTH],
        dont_fragment=bool(work[at + k.ADDRESS_DF]),
    )


def _facts(work: list[int], linktype: int, interface: int, flags: int) -> Facts:
    return Facts(
        linktype=linktype,
        interface=interface,
        has_flags=bool(flags & HAS_FLAGS),
        flags=flags & FLAG_BITS,
        packet_type=work[k.PACKET_TYPE],
        source_mac=work[k.SOURCE_MAC],
        destination_mac=work[k.DESTINATION_MAC],
        layers=tuple(_header(work, index).layer for index in range(work[k.N_LAYERS])),
        sums=tuple(_sum_facts(work, index) for index in range(work[k.N_SUMS])),
        addresses=tuple(_address_facts(work, index) for index in range(work[k.N_ADDRESSES])),
        trailer=bool(work[k.TRAILER]),
        long=bool(work[k.LONG] & 1),
        pages=work[k.LONG] >> 1,
        octets=work[k.OCTETS] >> 8,
        padding=work[k.OCTETS] & 0xFF,
        stop=_REASONS[work[k.STOP]],
    )

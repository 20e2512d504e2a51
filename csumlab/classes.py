"""From the facts of a class to packets that can be walked, and from forms to numbers of its members.

``observed`` makes the packet as the capture shows it; ``originated`` the packet as a candidate origin must have sent it; ``numbers``
evaluates a form over the columns of members.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from csumlab.facts import Facts, FieldValue, FragmentRole, Quality, SumFacts
from csumlab.forms import ZERO, Form, Symbol, of, unknown
from csumlab.headers import KINDS, REASONS, UNREADABLE, Kind, Layer, Verdict
from csumlab.index import Columns
from csumlab.inet import MODULUS, Zero
from csumlab.lengths import ETHERNET_SIZE, LONG, Extent, size
from csumlab.packet import PORTED, Header, Span, enclosing, outer_transport
from csumlab.rewriting import tcp_option
from csumlab.symbolic.packet import SymbolicPacket
from csumlab.symbolic.sums import Sum, computed_zero
from csumlab.topology.model import Topology

WORD_PLACES = {
    "ecn": ((0, 0, 3), (0, 4, 3)),
    "dscp": ((0, 2, 63), (0, 6, 63)),
    "ttl": ((8, 8, 255), (6, 0, 255)),
    "odd length": ((2, 0, 1), (4, 0, 1)),
}
"""Where symbolic.MARKS, and whether the packet is of odd length, lie in a header of IPv4 and of IPv6: the place of a 16-bit word, and there
the shift and the mask."""
_LINK_LAYERS = frozenset(
    {Layer.ETHERNET, Layer.COOKED, Layer.COOKED2, Layer.LOOPBACK, Layer.CAPTURE, Layer.IEEE80211, Layer.LLC, Layer.PPP, Layer.PPPOE}
    | {Layer.FRAME_RELAY, Layer.C_HDLC, Layer.IPOIB}
)
_UNSEEN = "the packet was not seen there"


class Made(Enum):
    """In what shape a candidate origin sends a packet."""

    RIGHT = "as its kernel makes it"
    REFUSAL = "that refuses a connection"
    UNSUMMED = "without a UDP sum"
    UNFINISHED = "with a partial sum"
    FINISHED = "with sums that it made itself"
    CUT = "as its kernel makes it, in a super-frame"
    WRONG = "with a wrong sum"


def headers_of(facts: Facts, topology: Topology) -> tuple[Header, ...]:
    """The header stack of a class from the outermost VLAN tag, PPPoE or IP header on; uid and index are the place in ``facts.layers``."""
    outside = _LINK_LAYERS - topology.wrappers
    sums = {entry.header: entry for entry in facts.sums}
    addresses = {entry.header: entry for entry in facts.addresses}
    made: list[Header] = []
    quoting = 0
    last = None
    for index, layer in enumerate(facts.layers):
        if layer is Layer.REMOTE and made:
            made[-1] = replace(made[-1], remote=True)
        if layer is Layer.REMOTE or (not made and layer in outside):
            continue
        if layer is Layer.QUOTE:
            # A copy of another packet: nobody sums it again, but a translator of addresses edits it.
            if quoting:
                break
            quoting = len(made)
            continue
        if layer in (Layer.IPV4, Layer.IPV6) and index not in addresses:
            break  # Too little of it was captured to say where it goes.
        entry = sums.get(index)
        header = Header(index, layer, entry.kind if entry else Kind.NOTHING, odd=bool(entry and entry.covers_odd), index=index)
        if index in addresses:
            last = addresses[index]
            version = 4 if layer is Layer.IPV4 else 6
            super_frame = topology.outgrows(last.length) and Layer.TCP in facts.layers and not last.piece
            header = replace(
                header,
                source=topology.span(version, last.source),
                destination=topology.span(version, last.destination),
                fragment=last.fragment,
                ttl_expires=last.ttl_expires,
                extensions=last.extensions,
                # TCP longer than an MTU is taken for a super-frame: it is cut into segments, not into fragments.
                bounds=None if super_frame else topology.bounds(last.length),
                dont_fragment=last.dont_fragment,
                piece=last.piece,
            )
        elif layer in PORTED and last is not None:
            header = replace(header, source=topology.span(0, last.source_port), destination=topology.span(0, last.destination_port))
        made.append(header)
    if quoting:
        quoted = tuple(_as_quoted(header, sums.get(header.index)) for header in made[quoting:])
        return (*made[: quoting - 1], replace(made[quoting - 1], quote=quoted))
    return tuple(made)


def _as_quoted(header: Header, entry: SumFacts | None) -> Header:
    """A header that an ICMP error quotes, with its sum if it is quoted as far as that, and that is one."""
    absent = entry is not None and entry.verdict is Verdict.ABSENT
    if entry is None or entry.field is FieldValue.UNKNOWN or absent:
        return replace(header, kind=Kind.NOTHING)
    return replace(header, spoilt=header.is_ip and entry.residue is Quality.NONZERO)


def observed(facts: Facts, headers: tuple[Header, ...], answers: Mapping[Form, bool]) -> SymbolicPacket:
    """The packet as the capture shows it: symbols are the columns P, r, g of each checksum, less what the class fixes.

    ``headers`` may carry other uids than :func:`headers_of` gives, as long as ``index`` is the place in ``facts.layers``.
    """
    by_index = {header.index: header for header in headers}
    sums: dict[int, Sum] = {}
    for number, entry in enumerate(facts.sums):
        header = by_index.get(entry.header)
        if header is not None:
            sums[header.uid] = _observed_sum(number, entry, header)
    for entry in facts.sums:
        header = by_index.get(entry.header)
        if header is not None and entry.verdict is Verdict.DEFERRED:
            sums[header.uid] = _deferred(header, headers, sums)
    return SymbolicPacket(
        headers,
        sums,
        long=facts.long,
        extent=_extent(facts, headers, facts.padding),
        pages=facts.pages,
        trailer=_trailer(facts),
        answers=answers,
    )


def _extent(facts: Facts, headers: tuple[Header, ...], padding: int) -> Extent:
    """How long the frame is that starts with ``headers``, all of the class or the inner ones, with this much behind its IP packet."""
    depth = next((n for n, header in enumerate(headers) if header.is_ip), None)
    if not facts.octets or depth is None:
        return LONG
    entries = {entry.header: entry for entry in facts.addresses}
    kinds = {entry.header: entry.kind for entry in facts.sums}
    around = [
        Header(n, layer, kinds.get(n, Kind.NOTHING), extensions=n in entries and entries[n].extensions, index=n)
        for n, layer in enumerate(facts.layers[: headers[depth].index])
        if n >= facts.addresses[0].header
    ]
    whole = Extent(facts.octets, facts.octets).less(size(around)).more(size(headers[:depth]))
    return replace(whole.more(Extent(ETHERNET_SIZE + padding, ETHERNET_SIZE + padding)), padding=padding)


def _trailer(facts: Facts) -> Form:
    return of(Symbol("trailer", unknown="the bytes behind the IP packet are not summed", nonzero=True)) if facts.trailer else ZERO


def _label(entry: SumFacts, header: Header) -> str:
    return f"{KINDS[entry.kind].label} {header.index}"


def _observed_sum(number: int, entry: SumFacts, header: Header) -> Sum:
    label = _label(entry, header)
    pseudo = of(Symbol(f"P({label})", ("P", number, 0))) if KINDS[entry.kind].pseudo else ZERO
    if entry.seed is Quality.ZERO:
        seed = ZERO
    elif entry.seed is Quality.UNKNOWN:
        seed = unknown(f"g({label})", REASONS[entry.why_seed])
    else:
        seed = of(Symbol(f"g({label})", ("g", number, 0), nonzero=True))
    if entry.residue is Quality.ZERO:
        residue = ZERO
    elif entry.residue is Quality.UNKNOWN:
        residue = unknown(f"r({label})", REASONS[entry.why_residue])
    else:
        residue = of(Symbol(f"r({label})", ("r", number, 0), nonzero=True))
    field = pseudo + seed
    absent = entry.verdict is Verdict.ABSENT
    zero = {FieldValue.ZEROS: Zero.ZEROS, FieldValue.ONES: Zero.ONES}.get(entry.field, Zero.SEEN)
    return Sum(entry.kind, pseudo, residue - pseudo - field, field, zero, absent)


def _deferred(header: Header, headers: tuple[Header, ...], sums: Mapping[int, Sum]) -> Sum:
    """An outer sum that is right once the inner one is filled: its residue is s·(r + g) of the inner one."""
    present = sums[header.uid]
    for inner in headers:
        factor = next((f for outer, f in enclosing(headers, inner.uid) if outer.uid == header.uid), None)
        if factor is not None and inner.uid in sums and sums[inner.uid].seed == ZERO and inner.kind is not Kind.NOTHING:
            residue = factor * sums[inner.uid].lacking
            return replace(present, data=residue - present.pseudo - present.field)
    return present


def originated(facts: Facts, headers: tuple[Header, ...], made: Made, from_wire: bool, answers: Mapping[Form, bool]) -> SymbolicPacket:
    """The packet as an origin sends it. ``headers`` is what it sends, maybe less than the capture shows. A socket's transport field is
    left to the sender's table unless ``made`` is WRONG; everything from a wire is final or, if UNFINISHED, partial."""
    seen = {entry.header: entry for entry in facts.sums}
    sums: dict[int, Sum] = {}
    for header in headers:
        if header.kind is Kind.NOTHING:
            continue
        entry = seen.get(header.index)
        pseudo = unknown(f"P({header.uid})", _UNSEEN) if KINDS[header.kind].pseudo else ZERO
        data = unknown(f"D({header.uid})", _UNSEEN)
        absent = entry is not None and entry.verdict is Verdict.ABSENT
        absent |= made is Made.UNSUMMED and entry is not None and may_have_been_none(entry)
        field, zero = -(pseudo + data), computed_zero(header.kind)
        verdict = entry.verdict if entry is not None else Verdict.NOTHING
        if absent:
            field, zero = ZERO, Zero.ZEROS
        elif made is Made.WRONG and (verdict is Verdict.BAD or _cleared(entry)):
            field = field + of(Symbol(f"error({header.uid})", unknown=_UNSEEN, nonzero=True))
        elif made is Made.UNFINISHED and verdict in (Verdict.PARTIAL, Verdict.BLANK) and not _cleared(entry):
            field = pseudo
        sums[header.uid] = Sum(header.kind, pseudo, data, field, zero, absent)
    presumed = {
        header.uid: seen[header.index].residue is Quality.ZERO
        for header in headers
        if header.index in seen and seen[header.index].residue is not Quality.UNKNOWN
    }
    around = {}
    for entry in facts.sums:
        if entry.header < headers[0].index and entry.residue is not Quality.UNKNOWN:
            before = sum(layer is not Layer.REMOTE for layer in facts.layers[entry.header : headers[0].index])
            around[len(headers) + before, facts.layers[entry.header]] = entry.residue is Quality.ZERO
    fills = {}
    for number, entry in enumerate(facts.sums):
        for header in headers:
            if header.index == entry.header and KINDS[entry.kind].pseudo:
                there = _observed_sum(number, entry, header)
                fills[header.uid] = -(there.data + there.field)
    return SymbolicPacket(
        headers,
        sums,
        long=facts.long or made is Made.CUT,
        extent=LONG if made is Made.CUT else _extent(facts, headers, facts.padding if from_wire else 0),
        pages=facts.pages,
        trailer=_trailer(facts),
        answers=answers,
        seen=False,
        presumed=presumed,
        presumed_around=around,
        presumed_fill=fills,
    )


def may_be_a_segment(facts: Facts, headers: tuple[Header, ...]) -> bool:
    """Whether what an origin sends with these headers may have been a super-frame, and cut before it was seen."""
    transport = outer_transport(headers)
    whole = all(entry.fragment is FragmentRole.WHOLE for entry in facts.addresses)
    return not facts.long and whole and transport is not None and transport.layer in (Layer.TCP, Layer.SCTP)


def may_have_been_none(entry: SumFacts) -> bool:
    """Whether a wrong sum may be what somebody made of a zero that says that there is none."""
    return KINDS[entry.kind].zero_is_absent and entry.verdict is Verdict.BAD


def _cleared(entry: SumFacts | None) -> bool:
    """Whether the field was set to zero where the sum of a pseudo-header belongs."""
    return entry is not None and entry.verdict is Verdict.BLANK and entry.seed is not Quality.ZERO


def shape(headers: tuple[Header, ...]) -> tuple[tuple[Layer, FragmentRole], ...]:
    """What has to be equal for two header stacks to be the same packet's; what lies behind an opaque header is not compared."""
    return tuple((header.layer, header.fragment) for header in headers if header.layer not in UNREADABLE)


def may_be(walked: Span | None, seen: Span | None) -> bool:
    """Whether an address or port of the walk can be the one that was seen."""
    if walked is None or seen is None or walked.version != seen.version:
        return walked is None or seen is None
    return walked.low <= seen.high and seen.low <= walked.high


def numbers(form: Form, columns: Columns) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The form's residue for each packet of ``columns`` and whether it is known, both [m]. Symbols without a column make it unknown."""
    total = np.full(len(columns), form.constant, np.int64)
    known = np.ones(len(columns), np.bool_)
    for symbol, coefficient in form.terms:
        if not symbol.column:
            return total, np.zeros(len(columns), np.bool_)
        what, place, side = symbol.column
        if what == "P":
            value, here = columns.pseudo[place], columns.known_seed[place]
        elif what == "g":
            value, here = _folded(columns.seed[place]), columns.known_seed[place]
        elif what == "r":
            value, here = _folded(columns.residue[place]), columns.known_residue[place]
        elif what == "address":
            value, here = columns.address_sum(place, "destination" if side else "source"), columns.has_word(place, 0)
        elif what in WORD_PLACES:
            at, shift, mask = WORD_PLACES[what][columns.layers[place] is Layer.IPV6]
            value, here = columns.word(place, at) >> np.uint16(shift) & np.uint16(mask), columns.has_word(place, at)
        elif what == "farther":
            farther = columns.offset[place] - columns.offset[side >> 16] > side & 0xFFFF
            value, here = farther.astype(np.uint16), np.ones(len(columns), np.bool_)
        elif what == "even option":
            value, here = _odd_places(columns, place, side)
        else:
            value, here = columns.word(place, 2 * side), columns.has_word(place, 2 * side)
        total = (total + coefficient * value.astype(np.int64)) % MODULUS
        known &= here
    return total % MODULUS, known


def _odd_places(columns: Columns, layer: int, number: int) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
    """For each packet 1 if the TCP header ``layer`` has this option with its value at an odd place, else 0; and whether it was captured."""
    odd = np.zeros(len(columns), np.uint16)
    known = columns.has_word(layer, 18)
    for member in np.flatnonzero(known):
        start, end = columns.block.offset[columns.rows[member]], columns.block.captured[columns.rows[member]]
        header = bytes(columns.block.data[start + columns.offset[layer, member] : start + end])
        place = tcp_option(header, 0, number)
        odd[member] = place is not None and place % 2
    return odd, known


def _folded(values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Residues modulo 0xffff; that of a CRC, which has 32 bits, is kept from becoming zero by chance."""
    folded = values % MODULUS
    return np.where((values != 0) & (folded == 0), 1, folded).astype(np.uint32)

"""From the numbers of a datagram that has ended to words."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final

from csumlab.fragments.assembly import OUTCOMES, Datagram
from csumlab.headers import KINDS, Kind, Verdict
from csumlab.kernels import datagrams as k
from csumlab.kernels import pieces

_KINDS: Final = tuple(Kind)
_VERDICTS: Final = tuple(Verdict)
_CUT: Final = {
    pieces.CUT_SNAP: "a piece was cut by the snap length",
    pieces.CUT_RECORD: "a piece is longer than its record, which claims to be whole",
    pieces.CUT_CARRIER: "a piece is longer than what carries it",
}
_SENTENCES: Final = {
    0: "",
    k.WHY_NO_BYTES: "a piece holds no bytes",
    k.WHY_NO_MULTIPLE: "a piece that is not the last one is no multiple of 8 bytes long",
    k.WHY_TOO_LONG: "a piece reaches beyond the longest packet",
    k.WHY_OTHER_BYTES: "two pieces hold other bytes for the same range, or the identification was used again",
    k.WHY_OVERLAP: "pieces overlap",
    k.WHY_BEYOND_LAST: "a piece lies beyond the last one",
    k.WHY_HEADER_FAR: f"the transport header is not within the first {k.HEAD} bytes",
    k.WHY_HEADER_SHORT: "the transport header ends early",
    k.WHY_ROUTE: "the final destination cannot be read from the routing header",
    k.WHY_UDP_SHORT: "the UDP length is below 8",
    k.WHY_PARTLY_COVERED: "the checksum covers a part of the datagram only",
    k.WHY_GRE_WITHOUT: "this GRE header has no checksum",
    k.WHY_OSPF_CRYPTOGRAPHIC: "OSPF with cryptographic authentication has no checksum",
    k.WHY_PROTOCOLS: "the pieces disagree about the protocol",
}


def datagram_of(ended: Sequence[int], seconds: float) -> Datagram:
    """The datagram of a row of numbers; ``seconds`` is how long pieces were waited for."""
    size = 4 if ended[k.ENDED_VERSION] == 4 else 16
    raw = b"".join((word + (1 << 63)).to_bytes(8, "big") for word in ended[k.ENDED_ADDRESSES : k.ENDED_ADDRESSES + 4])
    residue, length = ended[k.ENDED_RESIDUE], ended[k.ENDED_LENGTH]
    packets = ended[k.ENDED_PACKETS + 1 : k.ENDED_PACKETS + 1 + ended[k.ENDED_PACKETS]]
    return Datagram(
        kind=_KINDS[ended[k.ENDED_KIND]],
        verdict=_VERDICTS[ended[k.ENDED_VERDICT]],
        reason=_reason(ended, seconds),
        residue=None if residue == pieces.NOT_READ else residue,
        seed_zero=bool(ended[k.ENDED_SEED_ZERO]),
        packets=tuple(packets),
        pieces=ended[k.ENDED_PARTS],
        source=str(ip_address(raw[:size])),
        destination=str(ip_address(raw[16 : 16 + size])),
        identification=ended[k.ENDED_IDENTIFICATION],
        length=None if length < 0 else length,
        out_of_order=bool(ended[k.ENDED_DISORDER]),
        copies=ended[k.ENDED_COPIES],
        outcome=OUTCOMES[ended[k.ENDED_OUTCOME]],
        first_alone=bool(ended[k.ENDED_ALONE]),
    )


def _reason(ended: Sequence[int], seconds: float) -> str:
    """Why its sum is not known."""
    detail = ended[k.ENDED_DETAIL]
    match ended[k.ENDED_WHY]:
        case k.WHY_MISSING:
            late = {k.LATE_TIME: f"; {seconds:g} s have passed", k.LATE_ROOM: "; let go for want of room"}
            return _missing(ended) + late.get(ended[k.ENDED_LATE], "")
        case k.WHY_PIECE_CUT:
            return _CUT[detail]
        case k.WHY_NO_CHECKSUM:
            return f"no checksum is known for protocol {detail}"
        case k.WHY_OSPF_VERSION:
            return f"no checksum is known for OSPF version {detail}"
        case k.WHY_OTHER_LENGTH:
            label = KINDS[_KINDS[ended[k.ENDED_KIND]]].label
            return f"the length in the {label} header ({detail >> 32}) is not that of the datagram ({detail & 0xFFFFFFFF})"
        case why:
            return _SENTENCES[why]


def _missing(ended: Sequence[int]) -> str:
    """The ranges that are not here."""
    count = ended[k.ENDED_GAPS]
    places = ended[k.ENDED_GAPS + 1 : k.ENDED_GAPS + 1 + 2 * min(count, k.GAPS)]
    gaps = [f"{low}-{high}" for low, high in zip(places[::2], places[1::2], strict=True)]
    if ended[k.ENDED_OPEN] != pieces.NOT_READ:
        count += 1
        gaps.append(f"from {ended[k.ENDED_OPEN]} on")
    more = f" and {count - k.GAPS} more" if count > k.GAPS else ""
    return f"missing bytes {', '.join(gaps[: k.GAPS])}{more}"

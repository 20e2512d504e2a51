"""The table of suspects: what each is called, what it says, and the residues it would leave. Most likely first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from csumlab.facts import FieldValue, Quality, SumFacts
from csumlab.forensics import crc, layers, sums
from csumlab.forensics.case import Case, Suspect
from csumlab.headers import KINDS, Verdict

_TURN_OFF = "turn tx checksumming off on the device that filled it (ethtool -K DEVICE tx off), or trim the frame before it is filled"
_SOFTWARE = "look for the program, driver or card that made this sum: its arithmetic is wrong, the bytes are not"
_SEED = "look at what hands the packet to the card: the sum of the pseudo-header that it leaves in the field is not the right one"
_TUNNEL = "let the sender fill inner sums before it encapsulates: turn tx checksumming off on the tunnel device, or outer sums off"
_ROUTER = "look at the last device that forwarded it: it changed the header and left the sum behind"
_NAT = "look at the device that rewrites; turn tx checksumming off before it, so that it meets full sums only"
_RECEIVER = "nothing is damaged; a receiver that makes the sum in the other way drops these packets"


class Rule(NamedTuple):
    """One row. ``residues`` yields what the suspect would leave, reduced or not; 0 does not count. ``crc``: it is about 32-bit fields.

    Suspects of one ``family`` say the same up to a detail, so that they do not contradict each other. ``constant``: the residue is the same
    whatever a packet carries, so that it must repeat from packet to packet.
    """

    suspect: Suspect
    residues: Callable[[Case], Iterator[int]]
    family: str
    crc: bool = False
    constant: bool = False


_CONSTANT: Final = frozenset(
    (
        *(
            "nat-stale",
            "nat-as-unfilled",
            "esp-transport",
            "length-of-packet",
            "length-of-payload",
            "length-of-frame",
            "length-behind-fixed",
        ),
        *("protocol-of-extension", "protocol-of-another", "protocol-zero", "first-hop", "care-of-address"),
        *("before-ttl", "ttl-wrong-end", "before-mark", "before-clamp"),
    )
)


def _rule(name: str, residues: Callable[[Case], Iterator[int]], sentence: str, advice: str, family: str = "", crc: bool = False) -> Rule:
    return Rule(Suspect(name, sentence, advice), residues, family or name, crc, name in _CONSTANT)


RULES: Final[tuple[Rule, ...]] = (
    # Rewrites that are known to happen.
    _rule("nat-stale", layers.not_updated, "a known rewrite changed it, and the sum was not updated with it or was updated twice", _NAT),
    _rule("nat-as-unfilled", layers.updated_as_unfilled, "a known rewrite updated a full sum as if it were partial, or the reverse", _NAT),
    _rule("nat-unfilled", layers.unfilled_not_updated, "a partial sum of the addresses from before a known rewrite", _NAT),
    _rule(
        "esp-transport",
        layers.outer_change,
        "ESP hid it from a known rewrite of the addresses, as in transport mode behind NAT (RFC 3948 section 3.1.2)",
        "nothing is damaged: IPsec guards the packet, and its receiver skips or mends this sum",
    ),
    # What was summed beyond the end.
    _rule("trailer", sums.trailer, "the bytes after the end of the IP packet were summed too", _TURN_OFF, "trailer"),
    _rule("trailer-padding", sums.padding, "Ethernet padding after the IP packet was summed too", _TURN_OFF, "trailer"),
    _rule("trailer-but-fcs", sums.trailer_but_fcs, "all bytes after the IP packet but the last four were summed too", _TURN_OFF, "trailer"),
    _rule("trailer-fcs", sums.fcs, "the frame check sequence was summed too", _TURN_OFF, "trailer"),
    _rule("odd-byte-more", sums.one_byte_more, "its length is odd, and the byte after its end was summed too", _SOFTWARE, "trailer"),
    _rule("rest-of-packet", sums.rest_of_packet, "bytes of the packet that this sum does not cover were summed too", _SOFTWARE, "trailer"),
    # The pseudo-header and its length.
    _rule("no-length", sums.without_length, "summed with length 0, as it is handed over for segmentation", _SEED, "length"),
    _rule("length-of-packet", sums.length_of_packet, "summed with the length of the IP packet in the pseudo-header", _SEED, "length"),
    _rule("length-of-payload", sums.length_of_payload, "summed with the length of the payload in the pseudo-header", _SEED, "length"),
    _rule(
        "length-behind-fixed",
        sums.length_behind_fixed,
        "summed with a length that counts IP options or extension headers in",
        _SEED,
        "length",
    ),
    _rule("length-of-frame", sums.length_of_frame, "summed with the length of the frame in the pseudo-header", _SEED, "length"),
    _rule("length-swapped", sums.length_swapped, "summed with the bytes of the length swapped", _SEED, "length"),
    _rule("no-pseudo", sums.without_pseudo, "summed without the pseudo-header, as when a card fills a field of zeros", _SEED),
    _rule("with-pseudo", sums.with_pseudo, "summed with a pseudo-header, which this kind of checksum does not have here", _RECEIVER),
    _rule("seed-inverted", sums.seed_inverted, "filled over a complemented sum of the pseudo-header", _SEED),
    _rule("seed-twice", sums.seed_twice, "all of it was summed over a field that held the sum of the pseudo-header already", _SOFTWARE),
    _rule("unfilled-no-length", sums.unfilled_without_length, "not filled: the sum of a pseudo-header without its length", _SEED),
    _rule("unfilled-inverted", sums.unfilled_inverted, "not filled: the complement of the pseudo-header's sum", _SEED),
    _rule("protocol-of-extension", sums.protocol_of_extension, "summed with the number of the first extension header", _SEED, "protocol"),
    _rule("protocol-zero", sums.protocol_zero, "summed with protocol number 0 in the pseudo-header", _SEED, "protocol"),
    _rule(
        "protocol-of-another",
        sums.protocol_of_another,
        "summed with the number of the other transport, TCP's for UDP or the reverse",
        _SOFTWARE,
        "protocol",
    ),
    _rule("from-extension", sums.from_extension, "the extension headers were summed too, as if they were the transport's", _SOFTWARE),
    _rule("first-hop", sums.first_hop, "summed with the next hop of the routing header, not the final destination", _SOFTWARE),
    _rule("care-of-address", sums.care_of_address, "summed with the address in the IPv6 header, not the home address option", _SOFTWARE),
    # The field itself.
    _rule("inverted", sums.inverted, "the field holds the sum and not its complement", _SOFTWARE),
    _rule("swapped", sums.swapped, "the bytes of the field are swapped", _SOFTWARE),
    _rule("filled-twice", sums.filled_twice, "filled twice: the second fill summed a full checksum", _TURN_OFF),
    _rule("odd-byte-low", sums.odd_byte_low, "its length is odd, and the last byte was added as a low byte", _SOFTWARE, "odd"),
    _rule("odd-byte-dropped", sums.odd_byte_dropped, "its length is odd, and the last byte was left out", _SOFTWARE, "odd"),
    _rule("short", sums.one_byte_short, "the last byte was left out", _SOFTWARE),
    _rule("header-only", sums.header_only, "only the header without what follows it was summed", _SOFTWARE),
    # Other layers.
    _rule("over-unfilled", layers.over_seed, "summed over a partial inner sum, which was filled afterwards", _TUNNEL, "over-unfilled"),
    _rule("over-blank", layers.over_zeros, "summed over an inner field of zeros, which was filled afterwards", _TUNNEL, "over-unfilled"),
    _rule("other-sum", layers.other_sum, "it is the checksum of another header of this packet", _SOFTWARE, "other"),
    _rule("other-seed", layers.other_seed, "it is the sum of another header's pseudo-header", _SEED, "other"),
    # Changed on the way.
    _rule("before-ttl", layers.before_ttl, "right before its TTL was lowered by one", _ROUTER),
    _rule("ttl-wrong-end", layers.ttl_wrong_end, "a router updated it for the TTL with the bytes in the wrong order", _ROUTER),
    _rule("before-mark", layers.before_mark, "right before congestion was marked in the header (ECN)", _ROUTER),
    _rule("before-clamp", layers.before_clamp, "right before the largest segment was lowered in its TCP option", _ROUTER),
    # CRC32c.
    _rule("adler", crc.adler, "an Adler-32, as SCTP had before RFC 3309", "the sender speaks the SCTP of RFC 2960: update it", crc=True),
    _rule("crc-order", crc.wrong_order, "the bytes of the CRC are in the wrong order", _SOFTWARE, crc=True),
    _rule("crc-ethernet", crc.ethernet_crc, "the CRC-32 of Ethernet and not CRC32c", _SOFTWARE, crc=True),
    _rule("crc-not-complemented", crc.not_complemented, "the CRC was not complemented at the end", _SOFTWARE, crc=True),
)

SUM_RULES: Final = tuple(rule for rule in RULES if not rule.crc)
CRC_RULES: Final = tuple(rule for rule in RULES if rule.crc)

# What only several packets together show.
STUCK: Final = Suspect("stuck", "the field is the same in packets whose right sums differ: nobody writes it", _SOFTWARE)
SAME_ERROR: Final = Suspect(
    "same-error",
    "every one is off by the same amount: a word was rewritten (address, port) and the sum not updated with it",
    "look for NAT or a proxy that rewrites before the sum is filled: csumlab replay CAPTURE --topology host.toml; or the addresses of the "
    "capture were changed after it was taken",
)
SAME_SEED: Final = Suspect(
    "same-seed",
    "not filled: the sum of a pseudo-header whose addresses were rewritten afterwards, by the same amount in every packet",
    "look for NAT, a proxy or a program that makes captures anonymous: it changed the addresses and left the partial sums behind",
)
ESP_TRANSPORT: Final = next(rule.suspect for rule in RULES if rule.suspect.name == "esp-transport")
MISAIMED: Final = Suspect(
    "misaimed",
    "a fill went to another place of the packet, where an older layout of its headers had the field",
    "turn tx checksumming off before the device that adds or removes headers (ethtool -K DEVICE tx off)",
)

# What a zero that is spelt in the other way means.
ZERO_FOR_ONES: Final = Suspect(
    "zero-for-ones",
    "its right sum is 0xffff, and 0x0000 in its place says that there is no checksum (RFC 768)",
    "nothing is lost but the protection; a sender that otherwise sums writes computed zeros wrongly",
)
ONES_FOR_ZERO: Final = Suspect(
    "ones-for-zero",
    "0xffff where the sum gives 0x0000: good for whoever adds it up, as an update by RFC 1141 or a fill leaves it",
    "nothing is wrong; a receiver that compares instead of adding would drop it (RFC 1624 section 3)",
)


def note_of(total: SumFacts) -> Suspect | None:
    """What is worth a note on a sum that is good or absent: which of both zeros stands in the field. None for every other sum."""
    if total.residue is not Quality.ZERO:
        return None
    if total.verdict is Verdict.ABSENT:
        return ZERO_FOR_ONES
    writes_ones = KINDS[total.kind].writes_ones or KINDS[total.kind].crc
    return ONES_FOR_ZERO if total.verdict is Verdict.GOOD and total.field is FieldValue.ONES and not writes_ones else None

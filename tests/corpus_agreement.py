"""csumlab beside tshark on real captures, checksum by checksum: labels of the corpus, and the installed tshark on the same packets.

``python -m tests.corpus_agreement`` prints agreement for each kind of checksum and every class of difference with reason and example.
"""

from __future__ import annotations

import csv
import gzip
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))

import live_tshark
from live_tshark import Said

from csumlab.capture import PcapngWriter, open_capture
from csumlab.capture.block import CaptureError
from csumlab.dissection import Checksum, Dissection, dissect_packet
from csumlab.headers import KINDS, Kind, Layer, Reason

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"
LABELLED = ("ip", "tcp", "udp", "icmp", "icmpv6", "sctp", "dccp", "igmp", "gre", "pim", "vrrp")
CLASSED = ("ip", "tcp", "udp")
"""Columns for which the labels say, beside "bad", what the field holds: the pseudo-header sum ("partial"), "zero" or "other"."""
ENOUGH = 30
"""A kind with fewer checksums is not counted."""
ALIKE = {("GOOD", "G"), ("BAD", "B"), ("ABSENT", "N"), ("UNVERIFIED", "U")}
# Where tshark finds checksums and csumlab none, by tshark's protocol stack.
STACKS = {
    "IPv6 options in IPv4": ":ip:ipv6.hopopts:",
    "compressed": ":ipcomp:",
    "many headers": ":ipv6.dstopts:ipv6.routing:ipv6.fraghdr:ipv6.dstopts:ipv6.routing:",
}


class Side(Enum):
    """Whose word the difference rests on."""

    WORD = "another word"
    """The same finding: tshark 4.0 has only "bad" for it."""
    TSHARK = "tshark errs"
    """tshark is wrong, says more than can be known, or does not look."""
    CSUMLAB = "not read"
    """csumlab does not look, and says that it does not."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One class of difference: our verdict and why r is not known, tshark's letter, and what tells such packets apart.

    ``-`` stands for a checksum that one side does not have. ``detail`` is the labels' class of a bad field, "jumbogram", a name of STACKS,
    "quoted", or the protocol at which tshark stops."""

    kind: Kind
    ours: str
    why: str
    theirs: str
    detail: str


@dataclass(frozen=True, slots=True)
class Explained:
    """Why a class of difference is none of csumlab's making. Every kind must occur."""

    kinds: tuple[Kind, ...]
    ours: str
    why: str
    theirs: str
    detail: str
    side: Side
    reason: str


LENGTH_ZERO = "the outer UDP length of 0 (a super-frame above 65535 bytes over IPv4) is an error to tshark, which stops there"
BEYOND = "the IP length exceeds a record that claims to be whole: tshark sums what is there"
EXPLAINED = (
    Explained(
        (Kind.TCP, Kind.UDP), "PARTIAL", "", "B", "partial", Side.WORD, "the field holds the pseudo-header sum, left for a device to fill"
    ),
    Explained(
        (Kind.IPV4, Kind.TCP), "BLANK", "", "B", "zero", Side.WORD, "the field is 0x0000, which is neither right nor none: not summed"
    ),
    Explained((Kind.SCTP,), "BLANK", "", "B", "", Side.WORD, "the CRC is 0, on the loopback interface: nobody computed it"),
    Explained((Kind.VRRP,), "BLANK", "", "B", "", Side.WORD, "fuzzed packets with a field of 0x0000"),
    Explained((Kind.ICMP,), "BLANK", "TRUNCATED", "B", "", Side.WORD, "the field is 0x0000 in a truncated record"),
    Explained(
        (Kind.UDP,),
        "PARTIAL",
        "",
        "B",
        "jumbogram",
        Side.TSHARK,
        "UDP length 0 in a jumbogram: tshark's pseudo-header lacks the real length",
    ),
    Explained((Kind.TCP,), "UNVERIFIED", "TRUNCATED", "B", "other", Side.TSHARK, BEYOND),
    Explained((Kind.ICMP, Kind.VRRP), "UNVERIFIED", "TRUNCATED", "B", "", Side.TSHARK, BEYOND),
    Explained((Kind.ICMP,), "UNVERIFIED", "TRUNCATED", "G", "", Side.TSHARK, f"{BEYOND}, and the missing bytes were zeros"),
    Explained((Kind.ICMP,), "UNVERIFIED", "LENGTH", "B", "", Side.TSHARK, "the same inside MACsec, whose frame ends before the IP length"),
    Explained(
        (Kind.ICMP,),
        "UNVERIFIED",
        "HEADER",
        "-",
        "ends at icmp",
        Side.TSHARK,
        "an ICMP message of three bytes: tshark does not show its sum",
    ),
    Explained((Kind.TCP,), "UNVERIFIED", "QUOTE", "B", "other", Side.TSHARK, "an ICMPv6 error quotes a part: tshark sums the part"),
    Explained(
        (Kind.TCP,), "UNVERIFIED", "QUOTE", "-", "quoted", Side.TSHARK, "an ICMP error quotes eight bytes: tshark does not name the sum"
    ),
    Explained((Kind.TCP,), "GOOD", "", "-", "quoted", Side.TSHARK, "a whole TCP segment in an ICMP error: tshark reads eight bytes of it"),
    Explained((Kind.TCP,), "BAD", "", "-", "ends at tcp", Side.TSHARK, "a TCP header of impossible length: tshark stops before the sum"),
    Explained((Kind.IPV4,), "GOOD", "", "-", "ends at udp", Side.TSHARK, LENGTH_ZERO),
    Explained((Kind.TCP, Kind.UDP), "PARTIAL", "", "-", "ends at udp", Side.TSHARK, LENGTH_ZERO),
    Explained((Kind.UDP,), "ABSENT", "", "-", "ends at udp", Side.TSHARK, LENGTH_ZERO),
    Explained(
        (Kind.DCCP,),
        "-",
        "",
        "B",
        "IPv6 options in IPv4",
        Side.TSHARK,
        "protocol 0 in IPv4 and fill bytes of a traffic generator: tshark reads IPv6 hop-by-hop options, and DCCP in them",
    ),
    Explained((Kind.IPV4, Kind.TCP), "-", "", "G", "compressed", Side.CSUMLAB, "IPComp: csumlab does not inflate, the packet is opaque"),
    Explained(
        (Kind.PIM6,),
        "UNVERIFIED",
        "CUT",
        "B",
        "",
        Side.WORD,
        "a register message that the snap length cut: wrong over eight bytes, over all of it (RFC 7761 section 4.9) cannot be told",
    ),
    Explained((Kind.UDP,), "-", "", "G", "many headers", Side.CSUMLAB, "more than 24 headers: csumlab stops and says so"),
)
EXPLAINED_LIVE = (
    Explained(
        (Kind.MOBILITY,), "BLANK", "", "U", "", Side.TSHARK, "handmade mobility headers with a field of 0x0000: tshark never sums these"
    ),
    Explained(
        (Kind.MOBILITY,),
        "-",
        "",
        "U",
        "",
        Side.TSHARK,
        "protocol 62, which drafts before RFC 6275 used: tshark takes it for a mobility header",
    ),
)
"""Of kinds that the labels do not have."""
LATER = Explained((Kind.TCP, Kind.UDP), "PARTIAL", "", "G", "", Side.WORD, "later versions of tshark call the pseudo-header sum good")


@dataclass(slots=True)
class Agreement:
    """Counts over captures. ``compared`` and ``agreed`` by kind; ``differences`` with counts and ``examples`` (file, packet) of each."""

    compared: Counter[Kind] = field(default_factory=Counter)
    agreed: Counter[Kind] = field(default_factory=Counter)
    differences: Counter[Difference] = field(default_factory=Counter)
    examples: dict[Difference, list[tuple[str, int]]] = field(default_factory=dict)
    files: int = 0
    packets: int = 0

    def add(self, name: str, number: int, found: Dissection, said: Said, classes: Mapping[tuple[str, int], str] | None) -> None:
        """One packet. ``classes``: what the labels say of bad fields, by column and occurrence; None without labels."""
        for column, theirs in said.letters.items():
            kinds = live_tshark.COLUMNS[column]
            ours = [one for one in found.sums if one.kind in kinds]
            for occurrence in range(max(len(ours), len(theirs))):
                one = ours[occurrence] if occurrence < len(ours) else None
                letter = theirs[occurrence] if occurrence < len(theirs) else "-"
                detail = classes.get((column, occurrence), "not classed") if classes is not None and column in CLASSED else ""
                self._count(name, number, one.kind if one else kinds[0], one, letter, _detail(found, said, one, letter, detail))

    def _count(self, name: str, number: int, kind: Kind, one: Checksum | None, letter: str, detail: str) -> None:
        self.compared[kind] += 1
        verdict = one.verdict.name if one else "-"
        if (verdict, letter) in ALIKE:
            self.agreed[kind] += 1
            return
        why = one.why_residue.name if one and one.why_residue is not Reason.KNOWN else ""
        difference = Difference(kind, verdict, why, letter, detail)
        self.differences[difference] += 1
        self.examples.setdefault(difference, []).append((name, number))


def _detail(found: Dissection, said: Said, one: Checksum | None, letter: str, bad_class: str) -> str:
    if one is None:
        return next((name for name, mark in STACKS.items() if mark in f":{said.protocols}:"), "")
    if letter == "-":
        return _missing(found, said, one)
    if one.kind is Kind.UDP and one.end - one.start > 0xFFFF:
        return "jumbogram"
    return bad_class if letter == "B" else ""


def _missing(found: Dissection, said: Said, one: Checksum) -> str:
    """What tells packets apart in which only csumlab has a checksum."""
    if any(header.layer is Layer.QUOTE for header in found.headers[: one.header]):
        return "quoted"
    return f"ends at {said.protocols.rpartition(':')[2]}"


def explanation(difference: Difference, labelled: bool) -> Explained | None:
    """The entry of EXPLAINED that a difference falls under. Without labels the class of a bad field is not known."""
    for entry in EXPLAINED if labelled else (*EXPLAINED, *EXPLAINED_LIVE, LATER):
        said = (entry.ours, entry.why, entry.theirs) == (difference.ours, difference.why, difference.theirs)
        loose = not labelled and difference.theirs == "B" and difference.detail == ""
        if said and difference.kind in entry.kinds and (loose or entry.detail == difference.detail):
            return entry
    return None


def captures() -> list[Path]:
    """The labelled captures, none if the corpus is not there."""
    return sorted(path for path in CORPUS.iterdir() if ".pcap" in path.name) if CORPUS.is_dir() else []


def packets(path: Path) -> Iterator[tuple[int, bytes, int, int]]:
    """Number, bytes, link type and original length of every packet; ends where the capture cannot be read on from."""
    with suppress(CaptureError), open_capture(path) as capture:
        for block in capture:
            for row in range(len(block)):
                start = int(block.offset[row])
                data = block.data[start : start + int(block.captured[row])].tobytes()
                yield block.first + row, data, block.interfaces[int(block.interface[row])].linktype, int(block.original[row])


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with gzip.open(path, "rt", newline="") as stream:
        return list(csv.DictReader(stream))


def measure() -> Agreement:
    """All captures beside their labels."""
    agreement = Agreement()
    for path in captures():
        # tshark numbers pcapng custom blocks too; they have no link type.
        rows = [row for row in _rows(CORPUS / "labels" / f"{path.name}.csv.gz") if row["encap"]]
        by_place = path.name.startswith("google__test202")
        labels = {place if by_place else int(row["n"]): row for place, row in enumerate(rows, start=1)}
        bad: dict[int, dict[tuple[str, int], str]] = {}
        for row in _rows(CORPUS / "labels" / f"{path.name}.bad.csv.gz"):
            bad.setdefault(int(row["n"]), {})[row["proto"], int(row["occ"])] = row["class"]
        agreement.files += 1
        for number, data, linktype, original in packets(path):
            agreement.packets += 1
            if label := labels.get(number):
                said = Said(label["protocols"], {name: [word for word in label[f"{name}_st"].split(",") if word] for name in LABELLED})
                agreement.add(path.name, number, dissect_packet(data, linktype, original), said, bad.get(int(label["n"]), {}))
    return agreement


def measure_live() -> Agreement:
    """All packets of the corpus, in one capture, beside the installed tshark: kinds without labels too."""
    agreement = Agreement()
    found: list[tuple[str, int, Dissection]] = []
    interfaces: dict[int, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        together = Path(folder) / "corpus.pcapng"
        with PcapngWriter(together) as file:
            for path in captures():
                agreement.files += 1
                for number, data, linktype, original in packets(path):
                    if linktype not in interfaces:
                        interfaces[linktype] = file.add_interface(linktype)
                    file.write(data, interface=interfaces[linktype], original=original)
                    found.append((path.name, number, dissect_packet(data, linktype, original)))
        for (name, number, dissection), said in zip(found, live_tshark.read(together), strict=True):
            agreement.packets += 1
            agreement.add(name, number, dissection, said, None)
    return agreement


def _words(found: str, more: str) -> str:
    word = {"G": "good", "B": "bad", "U": "unverified", "N": "absent", "I": "illegal", "-": "nothing"}.get(found, found.lower())
    return f"{word} ({more.lower()})" if more else word


def lines(agreement: Agreement, labelled: bool) -> Iterator[str]:
    """The table of an agreement, for a person."""
    sides: Counter[tuple[Kind, Side]] = Counter()
    classes = []
    for difference, count in sorted(agreement.differences.items(), key=lambda item: (item[0].kind, -item[1])):
        entry = explanation(difference, labelled)
        if entry:
            sides[difference.kind, entry.side] += count
        places = agreement.examples[difference]
        files = len({name for name, _ in places})
        classes.append(
            f"{count:6}  {KINDS[difference.kind].label}: csumlab {_words(difference.ours, difference.why)}, tshark "
            f"{_words(difference.theirs, difference.detail)}: "
            + (f"{entry.reason} ({entry.side.value})" if entry else "WITHOUT A REASON")
            + f"; in {files} file{'s' * (files > 1)}, as {places[0][0]} packet {places[0][1]}"
        )
    yield f"{agreement.files} captures, {agreement.packets} packets"
    yield f"{'kind':15} {'compared':>8} {'alike':>7} {'':9} " + " ".join(f"{side.value:>12}" for side in Side) + f" {'no reason':>12}"
    for kind, compared in sorted(agreement.compared.items()):
        agreed = agreement.agreed[kind]
        counts = [sides[kind, side] for side in Side]
        share = f"{agreed / compared:9.2%}" if compared >= ENOUGH else "too few  "
        row = [*counts, compared - agreed - sum(counts)]
        yield f"{KINDS[kind].label:15} {compared:8} {agreed:7} {share:9} " + " ".join(f"{count:12}" for count in row)
    yield f"too few: under {ENOUGH} of the kind, which is too few to count"
    yield from classes


def main() -> int:
    if not captures():
        print("the corpus ../shared/corpus is not there: nothing to compare")
        return 0
    print("beside the labels (tshark 4.0.17)", *lines(measure(), labelled=True), sep="\n")
    if live_tshark.HERE:
        print(f"\nbeside the installed tshark {live_tshark.version()}, all validation on", *lines(measure_live(), labelled=False), sep="\n")
    else:
        print(live_tshark.MISSING)
    return 0


if __name__ == "__main__":
    sys.exit(main())

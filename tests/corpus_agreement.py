"""The dissector beside tshark's labels of real captures, checksum by checksum. ``python -m tests.corpus_agreement`` prints the table."""

from __future__ import annotations

import csv
import gzip
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from csumlab.capture import open_capture
from csumlab.capture.block import CaptureError
from csumlab.dissection import Checksum, dissect_packet
from csumlab.headers import Kind

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"
COLUMNS = {
    Kind.IPV4: "ip_st",
    Kind.TCP: "tcp_st",
    Kind.UDP: "udp_st",
    Kind.ICMP: "icmp_st",
    Kind.ICMPV6: "icmpv6_st",
    Kind.SCTP: "sctp_st",
    Kind.DCCP: "dccp_st",
    Kind.IGMP: "igmp_st",
    Kind.GRE: "gre_st",
    Kind.PIM: "pim_st",
    Kind.VRRP: "vrrp_st",
}
BAD_NAMES = {Kind.IPV4: "ip", Kind.TCP: "tcp", Kind.UDP: "udp"}
# What tshark looks into and csumlab does not, in the order in which a stack is searched.
HIDDEN = {
    "link type": ("fr:", "ppp:", "nflog:", "pktap:", "ppi:"),
    "more than 24 headers": ("ipv6.dstopts:ipv6.routing:ipv6.fraghdr:ipv6.dstopts:ipv6.routing",),
    "below Ethernet": (":pppoes:", ":mpls:", ":macsec:"),
    "tunnel over UDP": (":geneve:", ":gtp:", ":l2tp:", ":lisp:", ":lisp-data:", ":teredo:", ":capwap.data:"),
    "tunnel over IP": (":ipcomp:", ":erspan:", ":gre:ppp:"),
    "quoted in an ICMP error": (":icmp:ip:", ":icmpv6:ipv6:"),
}
ALIKE = {("GOOD", "G"), ("BAD", "B"), ("ABSENT", "N"), ("UNVERIFIED", "U")}


@dataclass(frozen=True, slots=True)
class Difference:
    """One class of difference: our verdict and why r is not known, tshark's status, and how the labels class a bad field.

    ``-`` stands for a checksum that one side does not have; ``hidden`` says in which protocol tshark found one that we do not look into."""

    kind: str
    ours: str
    why: str
    theirs: str
    bad_class: str
    hidden: str


@dataclass(slots=True)
class Agreement:
    """Counts over captures. ``compared`` and ``agreed`` by kind; ``differences`` with counts and ``examples`` (file, packet) of each."""

    compared: Counter[str] = field(default_factory=Counter)
    agreed: Counter[str] = field(default_factory=Counter)
    differences: Counter[Difference] = field(default_factory=Counter)
    examples: dict[Difference, list[tuple[str, int]]] = field(default_factory=dict)
    files: int = 0
    packets: int = 0


def captures() -> list[Path]:
    """The labelled captures, none if the corpus is not there."""
    return sorted(path for path in CORPUS.iterdir() if ".pcap" in path.name) if CORPUS.is_dir() else []


def verdicts(path: Path) -> Iterator[tuple[int, str, tuple[Checksum, ...]]]:
    """For every packet its number, protocol stack and checksums; ends where the capture cannot be read on from."""
    with open_capture(path) as capture:
        for block in capture:
            for row in range(len(block)):
                start = int(block.offset[row])
                packet = block.data[start : start + int(block.captured[row])].tobytes()
                linktype = block.interfaces[int(block.interface[row])].linktype
                dissection = dissect_packet(packet, linktype, int(block.original[row]))
                yield block.first + row, " ".join(header.layer.name for header in dissection.headers), dissection.sums


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with gzip.open(path, "rt", newline="") as stream:
        return list(csv.DictReader(stream))


def compare(path: Path, agreement: Agreement) -> None:
    """Add one capture's packets to ``agreement``."""
    # tshark numbers pcapng custom blocks too; they have no link type.
    rows = [row for row in _rows(CORPUS / "labels" / f"{path.name}.csv.gz") if row["encap"]]
    labels = dict(enumerate(rows, start=1)) if path.name.startswith("google__test202") else {int(row["n"]): row for row in rows}
    bad = {(int(row["n"]), row["proto"], int(row["occ"])): row["class"] for row in _rows(CORPUS / "labels" / f"{path.name}.bad.csv.gz")}
    agreement.files += 1
    try:
        for number, _, sums in verdicts(path):
            agreement.packets += 1
            if number in labels:
                _compare_packet(path.name, number, sums, labels[number], bad, agreement)
    except CaptureError:
        return


def _compare_packet(
    name: str, number: int, sums: tuple[Checksum, ...], label: dict[str, str], bad: dict[tuple[int, str, int], str], agreement: Agreement
) -> None:
    for kind, column in COLUMNS.items():
        ours = [one for one in sums if one.kind is kind]
        theirs = label[column].split(",") if label[column] else []
        for occurrence in range(max(len(ours), len(theirs))):
            verdict = ours[occurrence].verdict.name if occurrence < len(ours) else "-"
            why = ours[occurrence].why_residue.name if occurrence < len(ours) else ""
            status = theirs[occurrence] if occurrence < len(theirs) else "-"
            bad_class = bad.get((int(label["n"]), BAD_NAMES.get(kind, ""), occurrence), "") if status == "B" else ""
            agreement.compared[kind.name] += 1
            if (verdict, status) in ALIKE:
                agreement.agreed[kind.name] += 1
                continue
            hidden = hidden_in(label["protocols"]) if verdict == "-" else ""
            difference = Difference(kind.name, verdict, "" if why == "KNOWN" else why, status, bad_class, hidden)
            agreement.differences[difference] += 1
            agreement.examples.setdefault(difference, []).append((name, number))


def hidden_in(protocols: str) -> str:
    """Which of HIDDEN a stack of tshark's has, or an empty string."""
    for name, marks in HIDDEN.items():
        if any(protocols.startswith(mark) if name == "link type" else mark in f":{protocols}:" for mark in marks):
            return name
    return ""


def measure() -> Agreement:
    """All captures."""
    agreement = Agreement()
    for path in captures():
        compare(path, agreement)
    return agreement


def main() -> int:
    agreement = measure()
    if not agreement.files:
        print("the corpus ../shared/corpus is not there: nothing to compare")
        return 0
    print(f"{agreement.files} captures, {agreement.packets} packets")
    for kind in COLUMNS:
        agreed, compared = agreement.agreed[kind.name], agreement.compared[kind.name]
        print(f"{kind.name:8} {agreed:6} of {compared:6} alike ({agreed / max(compared, 1):.2%})")
    for difference, count in sorted(agreement.differences.items(), key=lambda item: (item[0].kind, -item[1])):
        files = Counter(name for name, _ in agreement.examples[difference])
        where = agreement.examples[difference][0]
        print(
            f"{count:6} {difference.kind:7} csumlab {difference.ours or '-':10} {difference.why:10} tshark {difference.theirs} "
            f"{difference.bad_class:14} {difference.hidden:23} {len(files)} files, first {where[0]} packet {where[1]}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())

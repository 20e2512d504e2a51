"""Writes docs/comparison.md: what csumlab, tshark, tcpdump, Zeek and Suricata make of captures/tricky. ``make comparison``.

tshark and tcpdump are run. Zeek and Suricata judge a whole capture by a ratio, which is computed here from their published rules, cited
at ``zeek_counts`` and ``suricata_counts``; of single packets they say nothing more than that a sum is bad.
tests/test_tricky.py fails when csumlab's part of the page is stale.
"""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
import tomllib
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from csumlab.capture import open_capture
from csumlab.causes import Standing
from csumlab.checking import CheckResult, check
from csumlab.dissection import Dissection, dissect_packet
from csumlab.facts import FragmentRole
from csumlab.headers import Kind, Layer, Verdict

FOLDER = Path(__file__).parents[1] / "captures" / "tricky"
CAPTURE = FOLDER / "traffic.pcapng"
PAGE = Path(__file__).with_name("comparison.md")
WIDTH = 140
"""Columns that the text of a page takes; tests/test_docs.py holds all pages to it."""
ALL_ON = (
    "ip.check_checksum:TRUE",
    "tcp.check_checksum:TRUE",
    "udp.check_checksum:TRUE",
    "udplite.check_checksum:TRUE",
    "dccp.check_checksum:TRUE",
    "sctp.checksum:CRC 32c",
)
"""Every validation of tshark that this capture can use; of these only DCCP's is on by default."""
GOOD, UNVERIFIED = "good", "not verified"
_FIELD = re.compile(r"^(\w+)\.(?:checksum|cksum)$")
_NAMES = {"ip": "IP", "icmpv6": "ICMPv6"}
# tcpdump's phrases, without numbers; the last two are of packets that it does not look at.
_PHRASES = re.compile(
    r"bad cksum|cksum 0x\w+ \((?:in)?correct|bad udp cksum|udp sum ok|no cksum|icmp6 sum ok|wrong icmp cksum|bad vrrp cksum"
    r"|truncated-ip|bad-len 0"
)
_NUMBERED = re.compile(r"^ *(\d+)  ")
_BAD = re.compile(r"bad|incorrect|illegal|wrong")


class Case(NamedTuple):
    name: str
    wrong: str
    truth: str
    weak: str
    numbers: range


class Column(NamedTuple):
    """What one tool says: a cell for each case, and whether it calls something in the case bad."""

    title: str
    cells: list[str]
    calls: list[bool]


def cases() -> list[Case]:
    found, first = [], 1
    for one in tomllib.loads((FOLDER / "packets.toml").read_text(encoding="utf-8"))["case"]:
        found.append(Case(one["name"], one["wrong"], one["truth"], one.get("weak", ""), range(first, first + len(one["packets"]))))
        first += len(one["packets"])
    return found


def cell(words: Iterable[str]) -> str:
    """One phrase for each packet, equal ones counted."""
    counts = Counter(words)
    return "; ".join(f"{count} x {word}" if count > 1 else word for word, count in counts.items())


# ---- csumlab -----------------------------------------------------------------------------------------------------------------------------


def csumlab_column(result: CheckResult) -> Column:
    cells, calls = [], []
    for case in cases():
        groups = [group for group in result.groups if any(number in case.numbers for number in group.numbers)]
        words = [f"{group.label}: {group.standing.value} ({group.cause.name})" for group in groups]
        cells.append("; ".join(dict.fromkeys(words)) or GOOD)
        calls.append(any(group.standing is Standing.REAL for group in groups))
    return Column("csumlab", cells, calls)


def row_starts(result: CheckResult) -> Iterator[str]:
    """The beginning of each row of the table, for which no other tool is needed."""
    for case, words in zip(cases(), csumlab_column(result).cells, strict=True):
        weak = " **weak**" if case.weak else ""
        yield f"| {case.name} | {case.truth} | {words}{weak} |"


# ---- tshark and tcpdump ------------------------------------------------------------------------------------------------------------------


def tshark_column(title: str, options: Iterable[str]) -> Column:
    words = ["tshark", "-n", "-r", str(CAPTURE), "-T", "pdml"]
    for option in options:
        words += ["-o", option]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120)
    return _column(title, [_tshark_words(packet) for packet in ElementTree.fromstring(done.stdout).iter("packet")])


def _tshark_words(packet: ElementTree.Element) -> list[str]:
    """Such as ``IP, TCP good``: the sums of a packet, outermost first, neighbours of which the same is said put together."""
    words: list[tuple[str, str]] = []
    for one in packet.iter("field"):
        match = _FIELD.match(one.get("name", ""))
        if match is not None and (word := _tshark_word(one.get("showname", ""))):
            words.append((_NAMES.get(match[1], match[1].upper()), word))
    return [f"{', '.join(name for name, _ in group)} {word}" for word, group in groupby(words, key=lambda pair: pair[1])]


def _tshark_word(text: str) -> str:
    if "incorrect" in text:
        return "bad (offload?)" if "caused by" in text else "bad"
    for part, word in (
        ("[correct]", GOOD),
        ("unverified", UNVERIFIED),
        ("disabled", UNVERIFIED),
        ("ignored", "none"),
        ("illegal", "illegal"),
        ("RFC 1624", "bad (0xffff)"),
    ):
        if part in text:
            return word
    return ""


def tcpdump_column() -> Column:
    words = ["tcpdump", "--number", "-t", "-n", "-vv", "-r", str(CAPTURE)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120)
    packets: list[list[str]] = []
    for line in done.stdout.splitlines():
        if _NUMBERED.match(line):
            packets.append([])
        for phrase in _PHRASES.findall(line):
            packets[-1].append(re.sub(r" 0x\w+ \(", " ", phrase))
    return _column("tcpdump -vv", packets)


def _column(title: str, packets: list[list[str]]) -> Column:
    cells = [cell(", ".join(packets[number - 1]) or "says nothing" for number in case.numbers) for case in cases()]
    return Column(title, cells, [bool(_BAD.search(words)) for words in cells])


# ---- the ratios --------------------------------------------------------------------------------------------------------------------------

_NOT_OPENED = (Layer.QUOTE, Layer.GUE, Layer.PIM)
_SUSPECT = (Verdict.PARTIAL, Verdict.DEFERRED, Verdict.BLANK, Verdict.BAD)
_LONGEST = 0xFFFF


def dissections() -> Iterator[tuple[bytes, Dissection]]:
    with open_capture(str(CAPTURE)) as capture:
        for block in capture:
            for row in range(len(block)):
                start = int(block.offset[row])
                data = block.data[start : start + int(block.captured[row])].tobytes()
                yield data, dissect_packet(data, block.interfaces[int(block.interface[row])].linktype, int(block.original[row]))


def zeek_counts(result: CheckResult) -> Counter[str]:
    """Packets that Zeek drops for a bad sum, by the name under which its script counts them.

    src/packet_analysis/protocol/ip/IP.cc AnalyzePacket: a wrong IPv4 header ends the packet, and so does a length of zero; fragments are
    put together first. tcp/TCP.cc ValidateChecksum; udp/UDP.cc DeliverPacket: zero is fine over IPv4 and for VXLAN, nowhere else over
    IPv6. Quotes, GUE and PIM are not opened. Jumbograms are left out, of which the rules say nothing.
    """
    counts: Counter[str] = Counter()
    for data, found in dissections():
        pieces = any(one.fragment is not FragmentRole.WHOLE for one in found.facts.addresses)
        ip = next((header.offset for header in found.headers if header.layer is Layer.IPV4), None)
        if len(data) > _LONGEST or (ip is not None and data[ip + 2 : ip + 4] == bytes(2)):
            continue
        for one in found.sums:
            before = found.facts.layers[: one.header]
            if any(layer in before for layer in _NOT_OPENED) or (pieces and one.kind is not Kind.IPV4):
                break
            inside = found.facts.layers[one.header + 1 : one.header + 2]
            zero = one.kind is Kind.UDP and one.verdict is Verdict.ABSENT and Layer.IPV6 in before and Layer.VXLAN not in inside
            if one.kind in (Kind.IPV4, Kind.TCP, Kind.UDP) and (one.verdict in _SUSPECT or zero):
                counts["IP" if one.kind is Kind.IPV4 else one.kind.name] += 1
                break
    for datagram in result.results[0].found.datagrams:
        counts["UDP"] += datagram.kind is Kind.UDP and datagram.verdict in _SUSPECT
    return counts


def suricata_counts() -> tuple[int, int]:
    """TCP segments that Suricata's stream engine finds wrong: at the outside, and with all that are in tunnels.

    src/stream-tcp.c StreamTcpValidateChecksum: other protocols do not count.
    """
    outer = every = 0
    for _, found in dissections():
        for one in found.sums:
            before = found.facts.layers[: one.header]
            if one.kind is Kind.TCP and one.verdict in _SUSPECT and not any(layer in before for layer in _NOT_OPENED):
                every += 1
                outer += sum(layer in (Layer.IPV4, Layer.IPV6) for layer in before) == 1
    return outer, every


# ---- the page ----------------------------------------------------------------------------------------------------------------------------

_INTRODUCTION = """# Beside other tools, on packets that fool them

Written by `make comparison` from [captures/tricky](../captures/tricky/packets.toml): {packets} packets in {cases} cases, each made so that
its truth is known. {yes} cases hold a packet that is wrong for a receiver that verifies, in {no} nothing is wrong, and {open} cannot be
told from a capture.

Versions: {versions}. "tshark, all on" has every validation that this capture can use: {options}. tshark's default verifies neither IPv4
headers nor TCP, UDP, UDP-Lite or SCTP. csumlab's cells say what is not good, with the cause in brackets, explained below; those of tshark
and tcpdump say what they print of each packet, in short: "offload?" is tshark's "maybe caused by checksum offload", and of IPv4 headers
that are right tcpdump says nothing.

## In numbers

{score}

A case counts as called bad when any of its packets is. For csumlab only "wrong for real" counts; the other tools have no second word.

## Case by case
"""
_RATIOS = """
## The rules of Zeek and Suricata

These two do not judge packets but captures, and were not run: the numbers follow from their rules.

**Zeek** drops every packet with a bad sum before its analysis, and warns once when more than 5 % of all packets had a bad IPv4 header, or
bad TCP, or bad UDP (`scripts/base/misc/find-checksum-offloading.zeek`). Here that is IP {ip}, TCP {tcp} and UDP {udp} of {packets} packets:
{percent}. {zeek}

**Suricata** looks, with `checksum-checks: auto`, at the bad TCP sums when packet {sample:,} is read, and switches all checks off if more
than one packet in {ratio} had one (`src/util-checksum.c` ChecksumAutoModeCheck, `src/util-checksum.h`). Shorter captures never get there;
at their end it compares the same way (`src/source-pcap-file.c`). Here {low} to {high} of {packets} packets count, depending on the
tunnels that it opens: {suricata}

## What each would have told its user

{told}
"""


def score_table(columns: list[Column]) -> str:
    known = cases()
    rows = ["| | nothing wrong, called bad | wrong, called bad | wrong, not called bad |", "|---|---|---|---|"]
    for column in columns:
        pairs = list(zip(known, column.calls, strict=True))
        false = sum(called for case, called in pairs if case.wrong == "no")
        hit = sum(called for case, called in pairs if case.wrong == "yes")
        missed = sum(not called for case, called in pairs if case.wrong == "yes")
        rows.append(f"| {column.title} | {false} of {sum(case.wrong == 'no' for case in known)} | {hit} | {missed} |")
    return "\n".join(rows)


def told(columns: list[Column], result: CheckResult) -> Iterator[str]:
    known = cases()
    _, full, plain, dump = columns
    harmless = [case for case in known if case.wrong == "no"]
    wrong = sum(case.wrong == "yes" for case in known)
    alike = sum("offload?" in words for case, words in zip(known, full.cells, strict=True) if case.wrong == "yes")
    hinted = sum("offload?" in words for case, words in zip(known, full.cells, strict=True) if case.wrong == "no")
    yield f'- **csumlab**: "{" ".join(result.headline.split())}" Then each cause with its packets, evidence and advice.'
    yield (
        f'- **tshark, all on**: something bad in {sum(full.calls)} of {len(known)} cases. Its hint "maybe caused by checksum offload" '
        f"stands at {hinted} of the {len(harmless)} in which nothing is wrong, and at {alike} of the {wrong} that are: so it tells nothing."
    )
    yield (
        f"- **tshark by default**: {sum(plain.calls)} cases called bad, of protocols that it always verifies; of TCP, UDP and IPv4 headers "
        "it says that it did not look."
    )
    yield (
        f'- **tcpdump -vv**: "incorrect" or "bad" in {sum(dump.calls)} cases, with the value that it wants and no reason. SCTP, UDP-Lite, '
        "GRE and datagrams in fragments are not verified, and what is in GTP-U and GUE is not opened."
    )
    yield (
        "- **Zeek**: that the sums are most likely wrong from checksum offloading. The packets that are really damaged are dropped with "
        "those that are not."
    )
    yield (
        "- **Suricata**: that checks may be switched off. In a capture of 1,000 packets or more with such a share it does so by itself, "
        "and real damage is then read as if it were good."
    )


def page(result: CheckResult) -> str:
    columns = [csumlab_column(result), tshark_column("tshark, all on", ALL_ON), tshark_column("tshark by default", ()), tcpdump_column()]
    known = cases()
    kinds = Counter(case.wrong for case in known)
    versions = ", ".join(_version(program) for program in ("tshark", "tcpdump"))
    text = [
        _INTRODUCTION.format(
            packets=result.packets,
            cases=len(known),
            **kinds,
            versions=versions,
            options=", ".join(f"`{option}`" for option in ALL_ON),
            score=score_table(columns),
        )
    ]
    text.append("| case | truth | csumlab | tshark, all on | tshark by default | tcpdump -vv |")
    text.append("|---|---|---|---|---|---|")
    for index, start in enumerate(row_starts(result)):
        text.append(f"{start} {' | '.join(column.cells[index] for column in columns[1:])} |")
    weak = [case for case in known if case.weak]
    if weak:
        text += ["", "### Where csumlab is weak", "", *(f"- {case.name}: csumlab {case.weak}." for case in weak)]
    text += ["", "### The causes", ""]
    causes = {group.cause.name: group.cause.sentence for group in result.groups}
    text += [f"- `{name}`: {sentence}." for name, sentence in sorted(causes.items())]
    return "\n".join(text) + "\n" + _ratios(columns, result)


def _ratios(columns: list[Column], result: CheckResult) -> str:
    counts = zeek_counts(result)
    low, high = suricata_counts()
    sample, ratio = 1000, 10
    names = [name for name in ("IP", "TCP", "UDP") if counts[name]]
    warns = any(count / result.packets > 0.05 for count in counts.values())
    zeek = f"It warns that the trace file likely has invalid {' and '.join(names)} checksums, most likely from NIC checksum offloading."
    share = (result.packets // max(high, 1), result.packets // max(low, 1))
    range_ = f"1/{share[0]}" if share[0] == share[1] else f"1/{share[0]} to 1/{share[1]}"
    suricata = f"{range_} of the packets, {'which is a warning to' if share[1] < ratio else 'which may be a warning to'} switch checks off."
    return _RATIOS.format(
        ip=counts["IP"],
        tcp=counts["TCP"],
        udp=counts["UDP"],
        packets=result.packets,
        percent=", ".join(f"{name} {100 * counts[name] / result.packets:.1f} %" for name in ("IP", "TCP", "UDP")),
        zeek=zeek if warns else "It does not warn.",
        sample=sample,
        ratio=ratio,
        low=low,
        high=high,
        suricata=suricata,
        told="\n".join(told(columns, result)),
    )


def _version(program: str) -> str:
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=60)
    match = re.search(r"\d+\.\d+\.\d+", done.stdout + done.stderr)
    return f"{program} {match[0] if match else 'of unknown version'}"


def main() -> None:
    try:
        text = page(check(CAPTURE))
    except FileNotFoundError as error:
        sys.exit(f"{error.filename} is not installed: apt-get install tshark tcpdump")
    PAGE.write_text(wrapped(text), encoding="utf-8")


def wrapped(text: str) -> str:
    """The page with paragraphs and items of lists filled to the width of the other pages; tables and headings stay lines."""
    found: list[str] = []
    for block in text.split("\n\n"):
        for item in re.split(r"\n(?=- )", block):
            indent = "  " if item.startswith("- ") else ""
            plain = item.startswith(("#", "|", "<", "```"))
            filled = textwrap.fill(" ".join(item.split()), WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
            found.append(item if plain else filled)
            found.append("\n")
        found.append("\n")
    return "".join(found).rstrip("\n") + "\n"


if __name__ == "__main__":
    main()

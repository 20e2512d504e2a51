"""What the slower commands cost: report, compare and replay -w, beside tcpdump reading the same files. Whole processes.

tcpdump is given ``-S``: every packet is of a flow of its own here, and its table of flows would be all that is measured.

python benchmarks/faces.py [--scale 1.0] [--directory DIRECTORY]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from make_captures import PCAP_HEADER, Bytes, fold, framed, internet, put, records, transport
from run import Measured, measure, table

COMPARED = 1_000_000
WRITTEN = 5_000
PAYLOAD = 700
AT_ONCE = 10_000
PUBLIC = (203, 0, 113, 1)
TOPOLOGY = Path(__file__).with_name("router.toml")


def translated(frames: Bytes) -> Bytes:
    """The same TCP frames behind a masquerading router and its card: source address, TTL and both sums are new."""
    after = frames.copy()
    after[:, 14 + 8] -= 1
    after[:, 14 + 12 : 14 + 16] = PUBLIC
    after[:, 14 + 10 : 14 + 12] = after[:, 34 + 16 : 34 + 18] = 0
    put(after, 14 + 10, 0xFFFF - fold(after[:, 14:34]))
    pseudo = fold(after[:, 14 + 12 : 14 + 20]) + 6 + after.shape[1] - 34
    put(after, 34 + 16, 0xFFFF - (pseudo + fold(after[:, 34:])) % 0xFFFF)
    return after


def timed(frames: Bytes, first: int, delay: int) -> Bytes:
    """pcap records ten microseconds apart, all of them ``delay`` microseconds late."""
    made = records(frames)
    micros = (first + np.arange(len(frames))) * 10 + delay
    # pcap's seconds and microseconds are little-endian here.
    for at, values in ((0, micros // 1_000_000), (4, micros % 1_000_000)):
        for place in range(4):
            made[:, at + place] = values >> 8 * place & 0xFF
    return made


def make_pair(directory: Path, packets: int) -> tuple[Path, Path]:
    """A capture of a sending host before its card, and the same traffic behind a NAT."""
    generator = np.random.default_rng(2006)
    before, after = directory / "inside.pcap", directory / "outside.pcap"
    with before.open("wb") as left, after.open("wb") as right:
        for stream in (left, right):
            stream.write(PCAP_HEADER)
        for first in range(0, packets, AT_ONCE):
            frames = framed(internet(transport(True, PAYLOAD, min(AT_ONCE, packets - first), generator), 6, False, generator))
            left.write(timed(frames, first, 0).tobytes())
            right.write(timed(translated(frames), first, 150).tobytes())
    return before, after


def contest(directory: Path, scale: float) -> list[str]:
    """One table for each command."""
    packets = int(COMPARED * scale)
    before, after = make_pair(directory, packets)
    python, shown = sys.executable, directory / "shown"

    def both(name: str, *commands: list[str]) -> Measured:
        found = [measure(name, command, packets) for command in commands]
        return Measured(name, 2 * packets, sum(one.seconds or 0 for one in found), max(one.memory for one in found))

    csumlab = [python, "-m", "csumlab"]
    compared = both("csumlab compare", [*csumlab, "compare", str(before), str(after)])
    read = both("tcpdump -nn -vv -S", *(["tcpdump", "-nn", "-vv", "-S", "-r", str(path)] for path in (before, after)))
    tables = [table(before, [compared, read])]
    page = measure("csumlab report", [*csumlab, "report", str(before), "-t", str(TOPOLOGY), "-o", f"{shown}.html"], packets)
    tables.append(table(before, [page, measure("tcpdump -nn -vv -S", ["tcpdump", "-nn", "-vv", "-S", "-r", str(before)], packets)]))
    few = directory / "few.pcap"
    with before.open("rb") as stream:
        few.write_bytes(stream.read(24 + (16 + 54 + PAYLOAD) * WRITTEN))
    written = [
        measure("csumlab replay -w", [*csumlab, "replay", str(few), "-t", str(TOPOLOGY), "-w", f"{shown}.pcapng"], WRITTEN),
        measure("csumlab check -w", [*csumlab, "check", str(few), "-w", f"{shown}2.pcapng"], WRITTEN),
        measure("tcpdump -w", ["tcpdump", "-r", str(few), "-w", f"{shown}.pcap"], WRITTEN),
    ]
    return [*tables, table(few, written)]


def main() -> None:
    parser = argparse.ArgumentParser(description="csumlab report, compare and replay -w beside tcpdump.")
    parser.add_argument("--scale", type=float, default=1.0, help="1.0 is a million packets a side")
    parser.add_argument("--directory", type=Path, help="where the captures are written and kept (default: a temporary folder)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        directory = options.directory or Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        for text in contest(directory, options.scale):
            print(text, flush=True)


if __name__ == "__main__":
    main()

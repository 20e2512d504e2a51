"""Hostile bytes for the capture reader: ``python -m tests.fuzz_reader --inputs 20000 --seed 1``.

Every input is read by the plain and the compiled walks, with long and very short buffers. All must say the same, and nothing but a
fault may come of it. Set NUMBA_BOUNDSCHECK=1 to have every access of the compiled walks checked too.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import lzma
import random
import struct
import sys
from pathlib import Path
from typing import Any

import lz4.frame
import zstandard

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))

from capture_bytes import SAMPLES, Reading, modified, read, sample_pcap, sample_pcapng, snoop

from csumlab import accelerate
from csumlab.capture import walk

INTERESTING = (
    0,
    1,
    2,
    3,
    4,
    7,
    8,
    12,
    16,
    20,
    28,
    31,
    32,
    33,
    0x7F,
    0x80,
    0xFF,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFF0,
    0xFFFFFFFF,
    64 << 20,
)
"""Numbers at which lengths and kinds change their meaning."""


def seeds() -> list[bytes]:
    return [
        sample_pcap("<", True),
        sample_pcap(">", False),
        sample_pcapng(),
        gzip.compress(sample_pcapng()),
        zstandard.compress(sample_pcapng()),
        modified(SAMPLES, order="<"),
        modified(SAMPLES, order=">"),
        snoop(SAMPLES),
        snoop(SAMPLES, linktype=10, padding=16),
        lzma.compress(sample_pcapng()),
        bz2.compress(sample_pcapng()),
        lz4.frame.compress(sample_pcapng(), content_checksum=True),
    ]


def mutate(chance: random.Random, data: bytes) -> bytes:
    """One to six changes: a byte, a number in either byte order, a cut, a piece doubled, dropped or moved."""
    out = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(out) + 1)
        what = chance.randrange(7)
        if what == 0 and at < len(out):
            out[at] = chance.randrange(256)
        elif what in (1, 2) and at // 4 * 4 + 4 <= len(out):
            struct.pack_into(chance.choice("<>") + "I", out, at // 4 * 4, chance.choice(INTERESTING))
        elif what == 3 and at + 2 <= len(out):
            struct.pack_into(chance.choice("<>") + "H", out, at, chance.choice(INTERESTING) & 0xFFFF)
        elif what == 4:
            del out[at:]
        elif what == 5:
            other = chance.randrange(len(out) + 1)
            out[at:at] = out[min(at, other) : max(at, other)]
        elif what == 6:
            del out[at : at + chance.randrange(1, 40)]
    return bytes(out)


def try_input(data: bytes, fast: Any) -> Reading:
    """Read ``data`` in four ways that must agree; what they say."""
    readings = [
        read(data, functions=functions, block_bytes=block_bytes)
        for functions, block_bytes in ((walk, 1 << 16), (walk, 64), (fast, 1 << 16), (fast, 64))
    ]
    first = readings[0]
    for other in readings[1:]:
        assert other.packets == first.packets
        assert other.linktypes == first.linktypes
        assert other.fault == first.fault
    return first


def fuzz(inputs: int, seed: int) -> tuple[int, int, int]:
    """Try ``inputs`` inputs: how many were captures at all, how many ended with a fault, how many packets were read."""
    chance = random.Random(seed)
    fast = accelerate.compiled()
    originals = seeds()
    opened = faults = packets = 0
    for _ in range(inputs):
        data = mutate(chance, chance.choice(originals))
        try:
            reading = try_input(data, fast)
        except BaseException:
            print(f"input: {data.hex()}", file=sys.stderr)
            raise
        opened += bool(reading.linktypes)
        faults += bool(reading.fault)
        packets += len(reading.packets)
    return opened, faults, packets


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    opened, faults, packets = fuzz(arguments.inputs, arguments.seed)
    print(f"{arguments.inputs} inputs tried, each in 4 ways that agreed, no crash:")
    print(f"{opened} opened as captures, {faults} ended with a fault, {packets} packets read")


if __name__ == "__main__":
    main()

"""Mutated and random packets through the plain and the compiled dissector. ``python tests/fuzz_dissector.py`` prints how many were tried.

With NUMBA_BOUNDSCHECK=1 in the environment the compiled dissector tests every access; one out of bounds ends the run with IndexError.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence

from frames import block_of, examples

from csumlab.index import Index
from csumlab.kernels.classes import FLAG_BITS, FLAGS_RECORDED

LINKTYPES = (0, 1, 12, 101, 108, 113, 228, 229, 276, 147)
BYTES = (0, 1, 4, 5, 0x0F, 0x10, 0x40, 0x45, 0x4F, 0x60, 0x7F, 0x80, 0xFF, 6, 17, 41, 43, 44, 47, 51, 58, 60, 0xC2, 0xC9)


def mutate(packet: bytes, random_source: random.Random, others: Sequence[bytes]) -> bytes:
    """``packet`` with a few bytes set, a piece cut out, repeated or taken from another packet, or its end cut off."""
    data = bytearray(packet)
    for _ in range(random_source.randrange(1, 6)):
        at = random_source.randrange(len(data) + 1)
        choice = random_source.randrange(8)
        if choice < 4 and at < len(data):
            data[at] = random_source.choice(BYTES) if choice < 2 else random_source.randrange(256)
        elif choice == 4:
            del data[at:]
        elif choice == 5:
            del data[at : at + random_source.randrange(1, 9)]
        elif choice == 6:
            end = at + random_source.randrange(1, 60)
            data[at:at] = data[at:end]
        else:
            other = random_source.choice(others)
            data[at:] = other[random_source.randrange(len(other)) :]
    return bytes(data[:2000])


def hostile(count: int, seed: int) -> tuple[list[bytes], list[int], list[int]]:
    """``count`` packets with original lengths and link types, the same for the same ``seed``."""
    random_source = random.Random(seed)
    starts = examples()
    packets, originals, linktypes = [], [], []
    for _ in range(count):
        choice = random_source.randrange(10)
        linktype = 1
        if choice == 0:
            packet = random_source.randbytes(random_source.randrange(120))
            linktype = random_source.choice(LINKTYPES)
        else:
            packet = mutate(random_source.choice(starts), random_source, starts)
            if choice == 1:
                packet, linktype = packet[14:], random_source.choice((101, 228, 229))
        original = len(packet)
        if random_source.randrange(4) == 0:
            original = random_source.choice((0, len(packet) + random_source.randrange(300), 70_000, 0xFFFFFFFF))
        packets.append(packet)
        originals.append(original)
        linktypes.append(linktype)
    return packets, originals, linktypes


def try_batch(count: int, seed: int, *, plain: bool) -> int:
    """Run one batch through the compiled dissector and, if ``plain``, compare it with the plain one; the number of classes."""
    packets, originals, linktypes = hostile(count, seed)
    block = block_of(packets, originals, linktypes, flags=FLAGS_RECORDED | FLAG_BITS)
    fast = Index(accelerate=True)
    fast.add(block)
    if plain:
        slow = Index(accelerate=False)
        slow.add(block)
        if slow.classes != fast.classes or (slow.tally != fast.tally).any():
            raise AssertionError(f"plain and compiled differ in batch {seed}")
    return len(fast.classes)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="inputs to try")
    parser.add_argument("--seed", type=int, default=1, help="of the first batch")
    parser.add_argument("--plain-every", type=int, default=1, help="compare with the plain dissector in every so-manieth batch")
    options = parser.parse_args()
    size = min(4000, options.count)
    tried = classes = 0
    for batch in range(-(-options.count // size)):
        classes += try_batch(size, options.seed + batch, plain=batch % options.plain_every == 0)
        tried += size
    print(f"{tried} inputs tried, {classes} classes seen (batch by batch), no crash and no difference")
    return 0


if __name__ == "__main__":
    sys.exit(main())

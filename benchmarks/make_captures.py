"""Writes the captures of the benchmark, the same for the same scale: small packets, bulk, mixed, fragments. Needs numpy only.

python benchmarks/make_captures.py DIRECTORY [--scale 1.0]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

SMALL_PACKETS = 1_000_000
BULK_PACKETS = 700_000
MIXED_PACKETS = 400_000
FRAGMENTS = 400_000
DISTINCT = 20_000
"""Packets of one shape that are made; longer captures repeat them with other times."""

Bytes = NDArray[np.uint8]
PCAP_HEADER = b"\xd4\xc3\xb2\xa1\2\0\4\0" + bytes(8) + b"\0\0\4\0\1\0\0\0"
MACS = b"\2\0\0\0\0\1\2\0\0\0\0\2"


HOSTS = 512
"""Addresses that packets come from and go to."""


def fold(rows: Bytes) -> NDArray[np.int64]:
    """For each row the sum of its big-endian words, modulo 0xffff; an odd last byte is a high byte."""
    sums: NDArray[np.int64] = rows[:, 0::2].sum(axis=1, dtype=np.int64) * 256 + rows[:, 1::2].sum(axis=1, dtype=np.int64)
    return sums % 0xFFFF


def put(rows: Bytes, at: int, values: NDArray[np.int64] | int, size: int = 2) -> None:
    """Write big-endian numbers into every row."""
    for place in range(size):
        rows[:, at + place] = (values >> (8 * (size - 1 - place))) & 0xFF


def transport(tcp: bool, payload: int, count: int, generator: np.random.Generator) -> Bytes:
    """TCP segments or UDP datagrams with random ports and payload and no checksum yet."""
    head = 20 if tcp else 8
    rows = generator.integers(0, 256, (count, head + payload), np.uint8)
    rows[:, 2:4] = (1, 187)
    if tcp:
        rows[:, 12:16] = (0x50, 0x18, 2, 0)
        rows[:, 16:20] = 0
    else:
        put(rows, 4, 8 + payload)
        rows[:, 6:8] = 0
    return rows


def internet(body: Bytes, protocol: int, six: bool, generator: np.random.Generator, *, fill: bool = True) -> Bytes:
    """IP packets around ``body``; ``fill`` computes the checksum of TCP (6) or UDP (17), one in twenty only as a device would find it."""
    count, length = body.shape
    head = np.zeros((count, 40 if six else 20), np.uint8)
    addresses = slice(8, 40) if six else slice(12, 20)
    hosts = generator.integers(1, 250, (HOSTS, 16 if six else 4), np.uint8)
    hosts[:, 0] = 0xFD if six else 10
    head[:, addresses] = hosts[generator.integers(0, HOSTS, (count, 2))].reshape(count, -1)
    if six:
        head[:, 0], head[:, 6], head[:, 7] = 0x60, protocol, 64
        put(head, 4, length)
    else:
        head[:, 0], head[:, 8], head[:, 9] = 0x45, 64, protocol
        put(head, 2, 20 + length)
        put(head, 10, 0xFFFF - fold(head))
    if fill:
        pseudo = (fold(head[:, addresses]) + protocol + length) % 0xFFFF
        whole = 0xFFFF - (pseudo + fold(body)) % 0xFFFF
        put(body, 16 if protocol == 6 else 6, np.where(generator.integers(0, 20, count) == 0, pseudo, whole))
    return np.hstack([head, body])


def fragments(body: Bytes, protocol: int, six: bool, mtu: int, generator: np.random.Generator) -> list[Bytes]:
    """IP packets around ``body``, cut to an MTU: for each fragment the rows of all of them. The sum of TCP (6) or UDP (17) is over all, one
    in twenty is left as a device would find it; one in ten datagrams is in the wrong order."""
    whole = internet(body, protocol, six, generator)
    size = 48 if six else 20
    room = (mtu - size) // 8 * 8
    length = body.shape[1]
    numbers = generator.integers(0, 1 << (32 if six else 16), len(body))
    cut = []
    for start in range(0, length, room):
        part = body[:, start : start + room]
        head = np.zeros((len(body), size), np.uint8)
        head[:, : min(size, 40)] = whole[:, : min(size, 40)]
        more = start + room < length
        if six:
            head[:, 6], head[:, 40] = 44, protocol
            put(head, 4, 8 + part.shape[1])
            put(head, 42, start | more)
            put(head, 44, numbers, 4)
        else:
            put(head, 2, 20 + part.shape[1])
            put(head, 4, numbers)
            put(head, 6, start // 8 | more << 13)
            put(head, 10, 0)
            put(head, 10, 0xFFFF - fold(head))
        cut.append(framed(np.hstack([head, part])))
    return cut


def interleaved(shapes: list[list[Bytes]], generator: np.random.Generator) -> Bytes:
    """The records of fragmented datagrams as one run of bytes: datagrams in random order, of which two at a time take turns."""
    made = [[records(rows) for rows in shape] for shape in shapes]
    datagrams = [[rows[index] for rows in shape] for shape in made for index in range(len(shape[0]))]
    order = generator.permutation(len(datagrams))
    run = []
    for left, right in zip(order[0::2], order[1::2], strict=False):
        pair = [datagrams[left], datagrams[right]]
        if generator.integers(0, 5) == 0:
            pair[0] = pair[0][::-1]
        for place in range(max(map(len, pair))):
            run += [one[place] for one in pair if place < len(one)]
    return np.concatenate(run)


def behind(prefix: bytes, rows: Bytes) -> Bytes:
    """The same bytes in front of every row."""
    return np.hstack([np.tile(np.frombuffer(prefix, np.uint8), (len(rows), 1)), rows])


def framed(packet: Bytes, *, vlan: bool = False) -> Bytes:
    kind = b"\x86\xdd" if packet[0, 0] >> 4 == 6 else b"\x08\0"
    return behind(MACS + (b"\x81\0\0\7" if vlan else b"") + kind, packet)


def vxlan(frame: Bytes, generator: np.random.Generator) -> Bytes:
    """UDP and VXLAN around Ethernet frames, over IPv4, with a zero UDP field."""
    outer = behind(b"\xc0\0\x12\xb5\0\0\0\0\x08\0\0\0\0\0\1\0", frame)
    put(outer, 4, outer.shape[1])
    return framed(internet(outer, 17, False, generator, fill=False))


def records(frames: Bytes) -> Bytes:
    """pcap records of equal length, with times still to be set."""
    head = np.zeros((len(frames), 16), np.uint8)
    size = frames.shape[1]
    head[:, 8:12] = head[:, 12:16] = np.frombuffer(size.to_bytes(4, "little"), np.uint8)
    return np.hstack([head, frames])


def shuffled(shapes: list[Bytes], generator: np.random.Generator) -> Bytes:
    """The records of all shapes in random order, as one run of bytes."""
    parts = [part for shape in shapes for part in shape]
    return np.concatenate([parts[place] for place in generator.permutation(len(parts))])


def repeat(stream: BinaryIO, run: Bytes, packets: int, wanted: int) -> None:
    """Write a run of records until ``wanted`` packets are there, rounded up to whole runs."""
    data = run.tobytes()
    for _ in range(max(1, -(-wanted // packets))):
        stream.write(data)


def make(directory: Path, scale: float) -> dict[str, Path]:
    """Write the three captures; their paths by name."""
    directory.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(2006)
    each = max(100, int(min(DISTINCT, SMALL_PACKETS * scale / 8)))
    small = [
        records(framed(internet(transport(tcp, payload, each, generator), 6 if tcp else 17, False, generator)))
        for tcp, payloads in ((True, (10, 14, 23, 36)), (False, (22, 26, 35, 48)))
        for payload in payloads
    ]
    bulk = [records(framed(internet(transport(True, 1460, max(100, each // 10), generator), 6, False, generator)))]
    inner = framed(internet(transport(True, 500, each // 4, generator), 6, False, generator))
    mixed = [
        *(shape[: each // 4] for shape in small),
        bulk[0],
        records(vxlan(inner, generator)),
        records(framed(internet(transport(False, 300, each // 4, generator), 17, True, generator), vlan=True)),
        records(
            framed(internet(internet(transport(True, 700, each // 4, generator), 6, True, generator), 41, False, generator, fill=False))
        ),
        records(
            framed(internet(behind(b"\0\0\x65\x58", inner), 47, False, generator, fill=False)),
        ),
    ]
    few = max(100, each // 4)
    cut = [
        fragments(transport(tcp, payload, few, generator), 6 if tcp else 17, six, 1500, generator)
        for tcp, payload, six in ((False, 3992, False), (False, 1600, False), (False, 2792, True), (True, 1600, False), (True, 2000, True))
    ]
    paths = {}
    for name, shapes, packets in (("small", small, SMALL_PACKETS), ("bulk", bulk, BULK_PACKETS), ("mixed", mixed, MIXED_PACKETS)):
        paths[name] = directory / f"{name}.pcap"
        with paths[name].open("wb") as stream:
            stream.write(PCAP_HEADER)
            repeat(stream, shuffled(shapes, generator), sum(map(len, shapes)), int(packets * scale))
    paths["fragments"] = directory / "fragments.pcap"
    with paths["fragments"].open("wb") as stream:
        stream.write(PCAP_HEADER)
        repeat(stream, interleaved(cut, generator), sum(len(shape) * len(shape[0]) for shape in cut), int(FRAGMENTS * scale))
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes the captures of the benchmark.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--scale", type=float, default=1.0, help="1.0 is a million small packets and a gigabyte of bulk")
    options = parser.parse_args()
    for name, path in make(options.directory, options.scale).items():
        print(f"{name:6} {path.stat().st_size:>13,} bytes  {path}")


if __name__ == "__main__":
    main()

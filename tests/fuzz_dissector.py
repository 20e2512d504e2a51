"""Mutated and random packets through the plain and the compiled dissector. ``python tests/fuzz_dissector.py`` prints how many were tried.

It starts from a packet of every protocol, encapsulation and link type. With NUMBA_BOUNDSCHECK=1 in the environment the compiled
dissector tests every access, and gets each packet as an array of its own; one out of bounds ends the run with IndexError.
"""

from __future__ import annotations

import argparse
import functools
import os
import random
import sys
from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np
import protocol_frames as shapes
from frames import block_of, examples

from csumlab import accelerate
from csumlab.capture.block import Block
from csumlab.headers import Kind, Layer, Link
from csumlab.index import NO_TABLES, Columns, Index, Tables
from csumlab.kernels import layout
from csumlab.kernels.classes import FLAG_BITS, FLAGS_RECORDED
from csumlab.kernels.codes import N_VERDICTS

LINKTYPES = (*(int(link) for link in Link), 147)
BYTES = (0, 1, 3, 4, 5, 8, 0x0F, 0x10, 0x40, 0x45, 0x4F, 0x60, 0x7F, 0x80, 0xAA, 0xFF, 6, 17, 41, 43, 44, 47, 51, 58, 60, 0xC2, 0xC9)
PROTOCOLS = (0, 1, 2, 4, 6, 17, 33, 41, 43, 44, 46, 47, 50, 51, 58, 59, 60, 88, 89, 97, 103, 112, 115, 132, 135, 136, 137, 143)
FOU_PORT = 5555
TOPOLOGY = Tables(
    ipv4=np.array([0x0A010203, 0x0A090807, 0x0A090808], np.uint32),
    ipv6_upper=np.array([0x20010DB8 << 32, 0xFD << 56], np.uint64),
    ipv6_lower=np.array([0x10002, 2], np.uint64),
    macs=np.array([0x020000000001, 0x020000000002], np.uint64),
    ports=np.array([80, 9999], np.uint16),
    tunnel_ports=((FOU_PORT, Layer.FOU), (9999, Layer.VXLAN)),
    mtu=100,
)

Seed = tuple[int, bytes]
"""Link type and packet."""


@functools.cache
def seeds() -> list[Seed]:
    """A packet of every shape that is built anywhere in these tests."""
    data = b"an odd payload, with some length to it!"
    four, six = shapes.ipv4(shapes.tcp(data)), shapes.ipv6(shapes.udp(data))
    session = shapes.payload(b"\0\0\x43\x21cook" + shapes.ethernet(four).data)
    tunnels = [wrap(piece) for wrap in shapes.TUNNELS.values() for piece in (four, six)]
    tunnels += [
        shapes.udp(shapes.gre(four, checksum=True), FOU_PORT),
        shapes.udp(four, FOU_PORT),
        shapes.vxlan_remote(four, 34),
        shapes.gue_remote(four, 20, 16),
        session.behind(b"", Layer.L2TP, protocol=115),
        shapes.udp(session.behind(b"\0\x03\0\0"), 1701),
        shapes.icmp_error(four.data),
        shapes.icmp_error(shapes.ipv4(shapes.vxlan(four)).data),
    ]
    frames = [shapes.ethernet(network(piece)) for piece in tunnels for network in (shapes.ipv4, shapes.ipv6)]
    frames += [shapes.ethernet(shapes.ipv6(shapes.icmpv6_error(six.data))), shapes.ethernet(shapes.jumbo(shapes.tcp(data)))]
    frames += [wrap(piece) for wrap in shapes.SHIMS.values() for piece in (four, six)]
    frames += [*shapes.every_opaque().values(), *shapes.every_handshake().values()]
    found = [(1, packet) for packet in examples()] + [(1, piece.data) for piece in frames]
    found += [(101, piece.data) for piece in shapes.every_kind(data).values()]
    found += [(linktype, wrap(piece).data) for linktype, wrap in shapes.LINKS.values() for piece in (four, six)]
    return [*found, (105, shapes.PROTECTED.data)]


def mutate(packet: bytes, random_source: random.Random, others: Sequence[Seed]) -> bytes:
    """``packet`` with a few bytes or lengths set, a piece cut out, repeated or taken from another packet, or its end cut off."""
    data = bytearray(packet)
    for _ in range(random_source.randrange(1, 6)):
        at = random_source.randrange(len(data) + 1)
        choice = random_source.randrange(12)
        if choice < 4 and at < len(data):
            data[at] = random_source.choice(BYTES) if choice < 2 else random_source.randrange(256)
        elif choice == 4:
            del data[at:]
        elif choice == 5:
            del data[at : at + random_source.randrange(1, 9)]
        elif choice == 6:
            end = at + random_source.randrange(1, 60)
            data[at:at] = data[at:end]
        elif choice == 7:
            _, other = random_source.choice(others)
            data[at:] = other[random_source.randrange(len(other)) :]
        elif choice < 10 and at + 2 <= len(data):
            # What may be a length, near what would fit or near nothing.
            fitting = random_source.choice((0, len(data) - at, len(data), 0xFFFF))
            data[at : at + 2] = max(0, min(fitting + random_source.randrange(-24, 25), 0xFFFF)).to_bytes(2, "big")
        elif at < len(data):
            data[at] = random_source.choice(PROTOCOLS)
    return bytes(data[:2000])


def hostile(count: int, seed: int) -> tuple[list[bytes], list[int], list[int]]:
    """``count`` packets with original lengths and link types, the same for the same ``seed``."""
    random_source = random.Random(seed)
    starts = seeds()
    packets, originals, linktypes = [], [], []
    for _ in range(count):
        choice = random_source.randrange(12)
        linktype, packet = random_source.choice(starts)
        if choice == 0:
            packet = random_source.randbytes(random_source.randrange(120))
        elif choice < 11:
            packet = mutate(packet, random_source, starts)
        if choice < 2:
            linktype = random_source.choice(LINKTYPES)
        original = len(packet)
        if random_source.randrange(4) == 0:
            original = random_source.choice((0, len(packet) // 2, len(packet) + random_source.randrange(300), 70_000, 0xFFFFFFFF))
        packets.append(packet)
        originals.append(original)
        linktypes.append(linktype)
    return packets, originals, linktypes


def apart(block: Block, seed: int) -> Block:
    """The same packets with other bytes between them: a dissector that reads past a packet's end gives itself away."""
    random_source = random.Random(seed)
    pieces, offsets, at = [], [], 0
    for start, length in zip(block.offset.tolist(), block.captured.tolist(), strict=True):
        gap = random_source.randbytes(random_source.randrange(64))
        pieces += [gap, block.data[start : start + length].tobytes()]
        offsets.append(at + len(gap))
        at += len(gap) + length
    return replace(block, data=np.frombuffer(b"".join(pieces), np.uint8).copy(), offset=np.array(offsets, np.int64))


def same_columns(one: Columns, other: Columns) -> bool:
    """Whether all numbers are equal that mean something."""
    known = {"seed": one.known_seed, "pseudo": one.known_seed, "residue": one.known_residue}
    names = [field.name for field in fields(Columns) if field.name not in ("block", "rows", "layers")]
    return all(
        np.array_equal(
            np.where(known[name], getattr(one, name), 0) if name in known else getattr(one, name),
            np.where(known[name], getattr(other, name), 0) if name in known else getattr(other, name),
        )
        for name in names
    )


def try_batch(count: int, seed: int, *, plain: bool) -> int:
    """Run one batch through the compiled dissector and, if ``plain``, compare it with the plain one; the number of classes."""
    packets, originals, linktypes = hostile(count, seed)
    block = block_of(packets, originals, linktypes, flags=FLAGS_RECORDED | FLAG_BITS)
    tables = TOPOLOGY if seed % 2 else NO_TABLES
    fast = Index(tables, accelerate=True)
    members = fast.add(block)
    moved = Index(tables, accelerate=True)
    if (moved.add(apart(block, seed)).class_of != members.class_of).any():
        raise AssertionError(f"bytes outside a packet matter in batch {seed}")
    if plain:
        slow = Index(tables, accelerate=False)
        same = (slow.add(block).class_of == members.class_of).all()
        if not same or slow.classes != fast.classes or (slow.tally != fast.tally).any():
            raise AssertionError(f"plain and compiled differ in batch {seed}")
        for number in range(len(fast.classes)):
            rows = members.rows(number)[:20]
            if not same_columns(slow.columns(block, rows), fast.columns(block, rows)):
                raise AssertionError(f"plain and compiled columns differ in batch {seed}, class {number}")
    return len(fast.classes)


def try_alone(count: int, seed: int) -> None:
    """Run one batch packet by packet, each an array of its own, so that the checks of bounds are those of the packet."""
    packets, originals, linktypes = hostile(count, seed)
    sign = accelerate.compiled().sign_packets
    tables = np.array((TOPOLOGY if seed % 2 else NO_TABLES).flat(), np.int64)
    work, zero, zeros = np.zeros(layout.WORK_SIZE, np.int64), np.zeros(1, np.int64), np.zeros(1, np.int32)
    signatures, network, tally = np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(len(Kind) * N_VERDICTS, np.int64)
    for packet, original, linktype in zip(packets, originals, linktypes, strict=True):
        data = np.frombuffer(packet, np.uint8).copy()
        lengths = np.array([len(packet)], np.int64), np.array([original], np.int64)
        kind = np.array([linktype], np.int64)
        try:
            sign(data, zero, *lengths, zeros, zero, kind, tables, 0, 0, 1, work, signatures, network, tally)
        except IndexError as problem:
            raise IndexError(f"{problem}: link type {linktype}, original {original}, {packet.hex()}") from problem


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="inputs to try")
    parser.add_argument("--seed", type=int, default=1, help="of the first batch")
    parser.add_argument("--plain-every", type=int, default=1, help="compare with the plain dissector in every so-manieth batch")
    options = parser.parse_args()
    checked = os.environ.get("NUMBA_BOUNDSCHECK", "0") not in ("", "0")
    size = min(4000, options.count)
    tried = classes = 0
    for batch in range(-(-options.count // size)):
        classes += try_batch(size, options.seed + batch, plain=batch % options.plain_every == 0)
        if checked:
            try_alone(size, options.seed + batch)
        tried += size
    print(f"{tried} inputs tried, {classes} classes seen (batch by batch), no crash and no difference")
    return 0


if __name__ == "__main__":
    sys.exit(main())

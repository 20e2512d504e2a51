"""A number for what packets carry, such that the number of a whole follows from those of its pieces."""

from __future__ import annotations

from typing import Any

from csumlab.kernels.primitives import pointer, remainder


def hash_payloads(data: Any, start: Any, end: Any, modulus: int, hashes: Any) -> None:
    """``hashes[k]``: the bytes from ``start[k]`` to ``end[k]`` as one big-endian number, modulo ``modulus`` (less than 2^31). Of two pieces
    one after the other it is first * 256^(length of second) + second."""
    octets = pointer(data)
    for index in range(len(start)):
        hashes[index] = remainder(octets, start[index], end[index], modulus)

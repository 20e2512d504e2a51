"""ethtool's features of a device by ioctl: what is on, and switching one (include/uapi/linux/ethtool.h)."""

from __future__ import annotations

import array
import fcntl
import socket
import struct
from functools import cache

_SIOCGIFFLAGS, _SIOCETHTOOL = 0x8913, 0x8946
_IFF_UP_AND_RUNNING = 0x41
_GSTRINGS, _GSSET_INFO, _GFEATURES, _SFEATURES = 0x1B, 0x37, 0x3A, 0x3B
_SS_FEATURES = 4
_NAME_BYTES = 32


def _ask(device: str, request: bytes) -> bytes:
    """One ethtool request in the present namespace. Raises OSError."""
    buffer = array.array("B", request)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        fcntl.ioctl(channel, _SIOCETHTOOL, struct.pack("16sP", device.encode(), buffer.buffer_info()[0]) + bytes(16))
    return buffer.tobytes()


def running(device: str) -> bool:
    """Whether a device of the present namespace is up and may send."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        answer = fcntl.ioctl(channel, _SIOCGIFFLAGS, struct.pack("16sH22x", device.encode(), 0))
    return bool(struct.unpack_from("=H", answer, 16)[0] & _IFF_UP_AND_RUNNING == _IFF_UP_AND_RUNNING)


@cache
def names() -> tuple[str, ...]:
    """The names of all features of this kernel, in the order of their bits."""
    count = struct.unpack_from("=I", _ask("lo", struct.pack("=IIQI", _GSSET_INFO, 0, 1 << _SS_FEATURES, 0)), 16)[0]
    answer = _ask("lo", struct.pack("=III", _GSTRINGS, _SS_FEATURES, count) + bytes(count * _NAME_BYTES))[12:]
    return tuple(answer[n * _NAME_BYTES : (n + 1) * _NAME_BYTES].split(b"\0")[0].decode() for n in range(count))


def active(device: str) -> frozenset[str]:
    """The features that are on."""
    blocks = (len(names()) + 31) // 32
    answer = _ask(device, struct.pack("=II", _GFEATURES, blocks) + bytes(16 * blocks))
    words = struct.unpack_from(f"={4 * blocks}I", answer, 8)
    return frozenset(name for bit, name in enumerate(names()) if words[4 * (bit // 32) + 2] >> bit % 32 & 1)


def switch(device: str, wanted: dict[str, bool]) -> None:
    """Ask for features to be on or off. What cannot be changed stays as it is: look with :func:`active`."""
    blocks = (len(names()) + 31) // 32
    valid, value = [0] * blocks, [0] * blocks
    for bit, name in enumerate(names()):
        if name in wanted:
            valid[bit // 32] |= 1 << bit % 32
            value[bit // 32] |= wanted[name] << bit % 32
    pairs = [word for pair in zip(valid, value, strict=True) for word in pair]
    _ask(device, struct.pack("=II", _SFEATURES, blocks) + struct.pack(f"={2 * blocks}I", *pairs))

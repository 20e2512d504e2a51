"""What a network device says of itself: kind of link, driver, features. Nobody needs a privilege to ask.

Source: Linux include/uapi/linux/ethtool.h (struct ethtool_drvinfo, ethtool_sset_info, ethtool_gstrings, ethtool_gfeatures),
net/ethtool/ioctl.c ethtool_get_features; net/ethtool/common.c netdev_features_strings has the names.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import re
import socket
import struct
from dataclasses import dataclass
from typing import Final

from csumlab.live.namespaces import LiveError

_SIOCGIFHWADDR: Final = 0x8927
_SIOCGIFINDEX: Final = 0x8933
_SIOCETHTOOL: Final = 0x8946
_GET_DRIVER: Final = 0x03
_GET_STRINGS: Final = 0x1B
_GET_SET_SIZE: Final = 0x37
_GET_FEATURES: Final = 0x3A
_FEATURE_STRINGS: Final = 4  # ETH_SS_FEATURES
_NAME_BYTES: Final = 32  # ETH_GSTRING_LEN
_ABOUT_SUMS: Final = re.compile(r"checksum|crc|csum|segmentation|scatter-gather|gso|gro|lro|vlan")
"""The features that decide what a checksum holds or how long a frame is."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature by its ethtool string. ``fixed``: it cannot be changed."""

    name: str
    on: bool
    fixed: bool

    def __str__(self) -> str:
        return f"{self.name}: {'on' if self.on else 'off'}{' [fixed]' if self.fixed else ''}"


@dataclass(frozen=True, slots=True)
class Device:
    """``index`` is the ifindex, ``hardware`` the ARPHRD number of the link, ``driver`` "" if it has no name."""

    name: str
    index: int
    hardware: int
    driver: str
    features: tuple[Feature, ...]


def read_device(name: str) -> Device:
    """The device in the network namespace of this thread. Features are those about checksums and frame lengths, none if the device does
    not tell. Raises LiveError if there is no such device."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        request = struct.pack("16s24x", name.encode())
        try:
            (index,) = struct.unpack_from("=i", fcntl.ioctl(asking, _SIOCGIFINDEX, request), 16)
            (hardware,) = struct.unpack_from("=H", fcntl.ioctl(asking, _SIOCGIFHWADDR, request), 16)
        except OSError as error:
            if error.errno == errno.ENODEV:
                raise LiveError(f"there is no interface {name} here; 'ip link' lists them") from None
            raise LiveError(f"{name}: {error.strerror}") from None
        return Device(name, index, hardware, _driver(asking, name), _features(asking, name))


def _ask(asking: socket.socket, name: str, question: bytes) -> bytes | None:
    """The buffer of an ethtool command as the kernel leaves it; None if the device does not know the command."""
    buffer = ctypes.create_string_buffer(question, len(question))
    try:
        fcntl.ioctl(asking, _SIOCETHTOOL, struct.pack("16sP16x", name.encode(), ctypes.addressof(buffer)))
    except OSError:
        return None
    return buffer.raw


def _driver(asking: socket.socket, name: str) -> str:
    answer = _ask(asking, name, struct.pack("=I192x", _GET_DRIVER))
    return _text(answer[4:36]) if answer else ""


def _features(asking: socket.socket, name: str) -> tuple[Feature, ...]:
    answer = _ask(asking, name, struct.pack("=IIQI", _GET_SET_SIZE, 0, 1 << _FEATURE_STRINGS, 0))
    count = struct.unpack_from("=I", answer, 16)[0] if answer else 0
    words = (count + 31) // 32
    strings = _ask(asking, name, struct.pack("=III", _GET_STRINGS, _FEATURE_STRINGS, count) + bytes(_NAME_BYTES * count))
    blocks = _ask(asking, name, struct.pack("=II", _GET_FEATURES, words) + bytes(16 * words))
    if not count or strings is None or blocks is None:
        return ()
    found = []
    for bit in range(count):
        label = _text(strings[12 + _NAME_BYTES * bit :][:_NAME_BYTES])
        available, _, active, never = (word >> bit % 32 & 1 for word in struct.unpack_from("=4I", blocks, 8 + 16 * (bit // 32)))
        if _ABOUT_SUMS.search(label):
            found.append(Feature(label, bool(active), bool(never or not available)))
    return tuple(found)


def _text(field: bytes) -> str:
    return field.split(b"\0")[0].decode("ascii", "replace")

"""The features that a virtio network device and its driver agreed on, from text: as sysfs shows them, or by name.

/sys/bus/virtio/devices/virtio0/features is a line of 0 and 1, bit 0 first (Linux drivers/virtio/virtio.c features_show): 64 of them, 128
since Linux 6.17. Numbers and names: Virtio 1.2 sections 5.1.3 and 6; Linux include/uapi/linux/virtio_net.h and virtio_config.h.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

LAST_BIT = 127
FEATURES: Mapping[str, int] = {
    "VIRTIO_NET_F_CSUM": 0,
    "VIRTIO_NET_F_GUEST_CSUM": 1,
    "VIRTIO_NET_F_CTRL_GUEST_OFFLOADS": 2,
    "VIRTIO_NET_F_MTU": 3,
    "VIRTIO_NET_F_MAC": 5,
    "VIRTIO_NET_F_GSO": 6,
    "VIRTIO_NET_F_GUEST_TSO4": 7,
    "VIRTIO_NET_F_GUEST_TSO6": 8,
    "VIRTIO_NET_F_GUEST_ECN": 9,
    "VIRTIO_NET_F_GUEST_UFO": 10,
    "VIRTIO_NET_F_HOST_TSO4": 11,
    "VIRTIO_NET_F_HOST_TSO6": 12,
    "VIRTIO_NET_F_HOST_ECN": 13,
    "VIRTIO_NET_F_HOST_UFO": 14,
    "VIRTIO_NET_F_MRG_RXBUF": 15,
    "VIRTIO_NET_F_STATUS": 16,
    "VIRTIO_NET_F_CTRL_VQ": 17,
    "VIRTIO_NET_F_CTRL_RX": 18,
    "VIRTIO_NET_F_CTRL_VLAN": 19,
    "VIRTIO_NET_F_CTRL_RX_EXTRA": 20,
    "VIRTIO_NET_F_GUEST_ANNOUNCE": 21,
    "VIRTIO_NET_F_MQ": 22,
    "VIRTIO_NET_F_CTRL_MAC_ADDR": 23,
    "VIRTIO_F_NOTIFY_ON_EMPTY": 24,
    "VIRTIO_F_ANY_LAYOUT": 27,
    "VIRTIO_F_INDIRECT_DESC": 28,
    "VIRTIO_F_EVENT_IDX": 29,
    "VIRTIO_F_VERSION_1": 32,
    "VIRTIO_F_ACCESS_PLATFORM": 33,
    "VIRTIO_F_RING_PACKED": 34,
    "VIRTIO_F_IN_ORDER": 35,
    "VIRTIO_F_ORDER_PLATFORM": 36,
    "VIRTIO_F_SR_IOV": 37,
    "VIRTIO_F_NOTIFICATION_DATA": 38,
    "VIRTIO_F_NOTIF_CONFIG_DATA": 39,
    "VIRTIO_F_RING_RESET": 40,
    "VIRTIO_F_ADMIN_VQ": 41,
    "VIRTIO_NET_F_DEVICE_STATS": 50,
    "VIRTIO_NET_F_HASH_TUNNEL": 51,
    "VIRTIO_NET_F_VQ_NOTF_COAL": 52,
    "VIRTIO_NET_F_NOTF_COAL": 53,
    "VIRTIO_NET_F_GUEST_USO4": 54,
    "VIRTIO_NET_F_GUEST_USO6": 55,
    "VIRTIO_NET_F_HOST_USO": 56,
    "VIRTIO_NET_F_HASH_REPORT": 57,
    "VIRTIO_NET_F_GUEST_HDRLEN": 59,
    "VIRTIO_NET_F_RSS": 60,
    "VIRTIO_NET_F_RSC_EXT": 61,
    "VIRTIO_NET_F_STANDBY": 62,
    "VIRTIO_NET_F_SPEED_DUPLEX": 63,
    "VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO": 65,
    "VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO_CSUM": 66,
    "VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO": 67,
    "VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO_CSUM": 68,
}
_NAMES = {bit: name for name, bit in FEATURES.items()}
_BITS = re.compile(r"[01]{24,}")
"""No driver has fewer than 24 bits to show, and no name is like this."""


def name_of(bit: int) -> str:
    """The name of a feature bit, "bit 77" if it has none."""
    return _NAMES.get(bit, f"bit {bit}")


def parse_features(text: str) -> frozenset[int]:
    """The bits that are set in a line of sysfs, or that are named: ``VIRTIO_NET_F_CSUM``, shortly ``CSUM`` or ``csum``, parted by blanks or
    commas. ValueError says what is wrong."""
    line = text.strip()
    if _BITS.fullmatch(line):
        if len(line) > LAST_BIT + 1:
            raise ValueError(f"{len(line)} feature bits; there are no more than {LAST_BIT + 1}")
        return frozenset(bit for bit, digit in enumerate(line) if digit == "1")
    return frozenset(_bit_named(word) for word in re.split(r"[\s,]+", line) if word)


def _bit_named(word: str) -> int:
    for prefix in ("", "VIRTIO_NET_F_", "VIRTIO_F_"):
        bit = FEATURES.get(prefix + word.upper())
        if bit is not None:
            return bit
    raise ValueError(f"{word!r} is no virtio feature; write names like VIRTIO_NET_F_CSUM, or the line of 0 and 1 that sysfs shows")


def to_line(bits: Iterable[int], length: int = 64) -> str:
    """The line that sysfs would show. ValueError if a bit lies beyond ``length``."""
    present = frozenset(bits)
    if present and not 0 <= min(present) <= max(present) < length:
        raise ValueError(f"a bit lies outside 0..{length - 1}")
    return "".join("1" if bit in present else "0" for bit in range(length))

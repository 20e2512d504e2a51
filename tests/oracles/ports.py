"""Where frames go in and are looked at: TAP devices and packet sockets, both with the virtio network header, which says what the
kernel's socket buffer carried (include/uapi/linux/virtio_net.h, include/linux/virtio_net.h virtio_net_hdr_from_skb).
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

NEEDS_CSUM, DATA_VALID = 1, 2
TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6 = 1, 2, 4
GSO_TCPV4, GSO_UDP, GSO_TCPV6, GSO_UDP_L4 = 1, 3, 4, 5
_HEADER = struct.Struct("=BBHHHH")
_TUNSETIFF, _TUNSETOFFLOAD = 0x400454CA, 0x400454D0
_IFF_TAP, _IFF_NAPI, _IFF_NO_PI, _IFF_VNET_HDR = 2, 0x10, 0x1000, 0x4000
_SOL_PACKET, _PACKET_RX_RING, _PACKET_VERSION, _PACKET_VNET_HDR, _PACKET_IGNORE_OUTGOING = 263, 5, 10, 15, 23
_ETH_P_ALL = 3
_SO_ATTACH_FILTER = 26
_STATUS_USER, _STATUS_VLAN, _STATUS_CSUM_VALID, _STATUS_VLAN_TPID = 1, 16, 128, 64
_OUTGOING = 4
_BLOCK, _BLOCKS, _SLOT = 1 << 16, 8, 4096
LONGEST = 65550
"""Bytes of the longest frame with its virtio header."""
LONGEST_FRAME = 1518
"""Bytes of the longest frame of Ethernet, with a VLAN tag and without a check sequence (IEEE 802.3 clause 3.2.7)."""


@dataclass(frozen=True, slots=True)
class Virtio:
    """The virtio network header, as far as checksums go. ``start`` and ``offset`` count from the frame's first byte and from ``start``.
    What is sent may be a super-frame: ``cut`` are the bytes of payload of its segments, ``sort`` VIRTIO_NET_HDR_GSO_TCPV4 and so on."""

    flags: int = 0
    start: int = 0
    offset: int = 0
    cut: int = field(default=0, compare=False)
    sort: int = field(default=0, compare=False)

    def pack(self) -> bytes:
        return _HEADER.pack(self.flags, self.sort, 0, self.cut, self.start, self.offset)

    @classmethod
    def unpack(cls, data: bytes) -> Virtio:
        flags, sort, _, cut, start, offset = _HEADER.unpack_from(data)
        return cls(flags, start, offset, cut, sort) if flags & NEEDS_CSUM else cls(flags, cut=cut, sort=sort)

    def __str__(self) -> str:
        words = [
            word
            for bit, word in ((NEEDS_CSUM, f"NEEDS_CSUM at {self.start}+{self.offset}"), (DATA_VALID, "DATA_VALID"))
            if self.flags & bit
        ]
        return ", ".join(words) or "no flag"


@dataclass(frozen=True, slots=True)
class Sight:
    """A frame as the kernel showed it at a device. ``way`` is "in" or "out". ``verified`` says that an incoming frame's sums count as
    verified (TP_STATUS_CSUM_VALID): with no flag beside it that is CHECKSUM_COMPLETE."""

    device: str
    way: str
    virtio: Virtio
    verified: bool
    frame: bytes


def _not_longer(most: int) -> tuple[tuple[int, int, int, int], ...]:
    """A classic BPF program that takes whole frames of at most so many bytes (linux/filter.h, net/core/filter.c)."""
    return ((0x80, 0, 0, 0), (0x25, 0, 1, most), (0x06, 0, 0, 0), (0x06, 0, 0, 0x40000))


class Watcher:
    """Every frame at every device of the present namespace, in order: one packet socket with a ring.

    A ring copies the frame at once. An ordinary packet socket keeps a clone of the buffer, and a few places in the kernel do something
    else with cloned buffers (gro_cells_receive passes them by). A datagram that was left whole (GSO_UDP) cannot be shown with a virtio
    header, and stops a ring of this version for good (net/packet/af_packet.c tpacket_rcv, rx_owner_map): where there are some, frames
    that are longer than Ethernet has them are not ``shown``.
    """

    def __init__(self, shown: int = LONGEST) -> None:
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
        self._filter = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *one) for one in _not_longer(shown)))
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", 4, ctypes.addressof(self._filter)))
        self.socket.setsockopt(_SOL_PACKET, _PACKET_VERSION, 1)
        self.socket.setsockopt(_SOL_PACKET, _PACKET_VNET_HDR, 1)
        slots = _BLOCK * _BLOCKS // _SLOT
        self.socket.setsockopt(_SOL_PACKET, _PACKET_RX_RING, struct.pack("=IIII", _BLOCK, _BLOCKS, _SLOT, slots))
        self.ring = mmap.mmap(self.socket.fileno(), _BLOCK * _BLOCKS, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        self.slots, self.next = slots, 0
        self.names: dict[int, str] = {}

    def sights(self) -> Iterator[Sight]:
        """What was seen since the last call. A tag that the kernel keeps beside the frame is put back (net/core/skbuff.c
        skb_vlan_untag)."""
        while True:
            base = self.next * _SLOT
            status, length, kept, mac = struct.unpack_from("=IIIH", self.ring, base)
            if not status & _STATUS_USER:
                return
            index = struct.unpack_from("=I", self.ring, base + 36)[0]
            outgoing = self.ring[base + 42] == _OUTGOING
            assert kept == length, "a frame longer than a slot of the ring"
            virtio = Virtio.unpack(self.ring[base + mac - _HEADER.size : base + mac])
            frame = self.ring[base + mac : base + mac + kept]
            if status & _STATUS_VLAN:
                tag, kind = struct.unpack_from("=HH", self.ring, base + 24)
                frame = frame[:12] + struct.pack("!HH", kind if status & _STATUS_VLAN_TPID else 0x8100, tag) + frame[12:]
                if virtio.flags & NEEDS_CSUM:
                    virtio = Virtio(virtio.flags, virtio.start + 4, virtio.offset)
            struct.pack_into("=I", self.ring, base, 0)
            self.next = (self.next + 1) % self.slots
            yield Sight(self.names.get(index, str(index)), "out" if outgoing else "in", virtio, bool(status & _STATUS_CSUM_VALID), frame)

    def close(self) -> None:
        self.ring.close()
        self.socket.close()


class End:
    """An end of a cable that is played from here: frames with a virtio header go in and come out."""

    def send(self, virtio: Virtio, frame: bytes) -> None:
        """Raises OSError if the kernel does not take the header."""
        raise NotImplementedError

    def receive(self) -> tuple[Virtio, bytes] | None:
        """The next frame that has come out, None if there is none."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


class Tap(End):
    """A TAP device of the present namespace; the program behind it is this one. ``offload`` offers TUN_F_CSUM, ``segments`` TUN_F_TSO4
    and TUN_F_TSO6, ``napi`` has the kernel receive through NAPI, and so through GRO. Without ``header`` nothing but bytes goes in and
    out."""

    def __init__(self, name: str, *, offload: bool, napi: bool, segments: bool = False, header: bool = True) -> None:
        self.fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        self.header = header
        flags = _IFF_TAP | _IFF_NO_PI | (_IFF_VNET_HDR if header else 0) | (_IFF_NAPI if napi else 0)
        fcntl.ioctl(self.fd, _TUNSETIFF, struct.pack("16sH14x", name.encode(), flags))
        fcntl.ioctl(self.fd, _TUNSETOFFLOAD, (TUN_F_CSUM if offload else 0) | (TUN_F_TSO4 | TUN_F_TSO6 if segments else 0))

    def send(self, virtio: Virtio, frame: bytes) -> None:
        os.write(self.fd, (virtio.pack() if self.header else b"") + frame)

    def receive(self) -> tuple[Virtio, bytes] | None:
        try:
            data = os.read(self.fd, LONGEST)
        except BlockingIOError:
            return None
        return (Virtio.unpack(data), data[_HEADER.size :]) if self.header else (Virtio(), data)

    def close(self) -> None:
        os.close(self.fd)


class PacketEnd(End):
    """A packet socket on a device of the present namespace: what it sends leaves by the device, with all that the kernel does on the way
    out; what it receives has come in there."""

    def __init__(self, device: str, *, receives: bool) -> None:
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.setsockopt(_SOL_PACKET, _PACKET_VNET_HDR, 1)
        self.socket.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        self.socket.bind((device, _ETH_P_ALL if receives else 0))
        self.socket.setblocking(False)

    def send(self, virtio: Virtio, frame: bytes) -> None:
        self.socket.send(virtio.pack() + frame)

    def receive(self) -> tuple[Virtio, bytes] | None:
        try:
            data = self.socket.recv(LONGEST)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.ENETDOWN):
                return None
            raise
        return Virtio.unpack(data), data[_HEADER.size :]

    def close(self) -> None:
        self.socket.close()

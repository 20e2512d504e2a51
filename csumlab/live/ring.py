"""A packet socket with its ring: the packets of one interface, each with what the kernel knows of it.

TPACKET_V3 with PACKET_VNET_HDR keeps it all at once: the virtio_net_hdr stands right before the packet (flags, csum_start, csum_offset,
gso), the record's header has what auxdata has (status bits, VLAN tag), the time in nanoseconds and the sockaddr_ll (direction).

Sources: Linux Documentation/networking/packet_mmap.rst, include/uapi/linux/if_packet.h, include/uapi/linux/virtio_net.h,
net/packet/af_packet.c (tpacket_rcv, packet_set_ring, prb_retire_rx_blk_timer_expired), include/linux/virtio_net.h
virtio_net_hdr_from_skb.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import mmap
import os
import socket
import struct
import sys
import time
from dataclasses import dataclass
from typing import Final, NamedTuple

from csumlab.headers import Link
from csumlab.live.ethtool import Device
from csumlab.live.filters import NOTHING, Program
from csumlab.live.namespaces import LiveError

_SOL_PACKET: Final = 263
_ADD_MEMBERSHIP: Final = 1
_RX_RING: Final = 5
_STATISTICS: Final = 6
_VERSION: Final = 10
_VNET_HDR: Final = 15
_IGNORE_OUTGOING: Final = 23
_TPACKET_V3: Final = 2
_PROMISCUOUS: Final = 1
_ETH_P_ALL: Final = 3
_SO_ATTACH_FILTER: Final = 26
_SIOCGIFNAME: Final = 0x8910

_ARPHRD_LOOPBACK: Final = 772
LINKS: Final = {
    1: (Link.ETHERNET, "EN10MB"),
    _ARPHRD_LOOPBACK: (Link.ETHERNET, "EN10MB"),
    519: (Link.RAW, "RAW"),
    768: (Link.RAW, "RAW"),
    769: (Link.RAW, "RAW"),
    776: (Link.RAW, "RAW"),
    65534: (Link.RAW, "RAW"),
}
"""ARPHRD number -> LINKTYPE and the DLT name of it: Ethernet and loopback; raw IP, IPIP, IP6TNL, SIT and "none" (TUN, WireGuard), whose
packets begin with the IP header because they have no header_ops (af_packet.c dev_has_header)."""

LARGEST_BLOCK: Final = 1 << 20
"""Bytes of a block of the ring: the longest packet, a super-frame of 512 KiB (BIG TCP), fits."""
SMALLEST_BLOCK: Final = 1 << 17
"""For a small ring: every packet of 64 KiB still fits."""
RETIRE_MS: Final = 50
"""Milliseconds after which the kernel gives out a block that is not full."""

_BLOCK: Final = struct.Struct("=8xIII")
"""struct tpacket_block_desc: block_status, num_pkts, offset_to_first_pkt."""
_RECORD: Final = struct.Struct("=IIIIIIHH4xIH10xHHiHB")
"""struct tpacket3_hdr (next offset, seconds, nanoseconds, kept and whole length, status, offset of the packet and its network header, VLAN
tag and its protocol), then struct sockaddr_ll (family, protocol, ifindex, hardware, packet type)."""
_VNET: Final = struct.Struct("=BBHHHH")
VNET_BYTES: Final = 10

STATUS_VLAN: Final = 1 << 4
_STATUS_VLAN_PROTOCOL: Final = 1 << 6
_USER: Final = 1
_TAG_AT: Final = 12
"""Bytes of the two addresses that stand before a VLAN tag."""
_TAG_BYTES: Final = 4
_VLAN_PROTOCOL: Final = 0x8100


class Carried(NamedTuple):
    """What the kernel knows of a packet. ``packet_type`` is sll_pkttype, ``status`` tp_status, the others are struct virtio_net_hdr's;
    ``start`` and ``header_bytes`` count from the first byte of the packet as it is given here."""

    packet_type: int
    status: int
    flags: int
    gso_type: int
    header_bytes: int
    gso_size: int
    start: int
    offset: int


class LivePacket(NamedTuple):
    """``original`` is the length on the interface in bytes, ``timestamp_ns`` nanoseconds since 1970."""

    timestamp_ns: int
    data: bytes
    original: int
    carried: Carried


@dataclass(slots=True)
class Statistics:
    """Since the ring was opened: packets the filter took, and those of them for which the ring had no room."""

    accepted: int = 0
    dropped: int = 0


class Ring:
    """The ring of one device, opened in the network namespace of the calling thread. Raises LiveError with advice."""

    def __init__(self, device: Device, program: Program, ring_bytes: int, *, snaplen: int, promiscuous: bool = False) -> None:
        self.device = device
        self.statistics = Statistics()
        self._snaplen = snaplen
        self._block_bytes = min(LARGEST_BLOCK, max(SMALLEST_BLOCK, _power_of_two_below(ring_bytes // 4)))
        self._blocks = max(2, ring_bytes // self._block_bytes)
        self._turn = 0
        try:
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        except PermissionError:
            raise LiveError(_needs_privilege()) from None
        except OSError as error:
            raise LiveError(f"this kernel has no packet sockets: {error.strerror}") from None
        try:
            self._open(program, promiscuous)
        except OSError as error:
            self.socket.close()
            raise LiveError(self._why(error)) from None

    def _open(self, program: Program, promiscuous: bool) -> None:
        # Bound last, so that no packet comes before the filter and the ring are there.
        self._attach(program)
        self.socket.setsockopt(_SOL_PACKET, _VERSION, _TPACKET_V3)
        self.socket.setsockopt(_SOL_PACKET, _VNET_HDR, 1)
        if self.device.hardware == _ARPHRD_LOOPBACK:
            # On loopback every packet leaves and arrives; one of the two says it all. Linux before 4.20 gives both.
            with contextlib.suppress(OSError):
                self.socket.setsockopt(_SOL_PACKET, _IGNORE_OUTGOING, 1)
        size = self._block_bytes
        request = struct.pack("=7I", size, self._blocks, size, self._blocks, RETIRE_MS, 0, 0)
        self.socket.setsockopt(_SOL_PACKET, _RX_RING, request)
        self._map = mmap.mmap(self.socket.fileno(), size * self._blocks)
        if promiscuous:
            self.socket.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, struct.pack("=iHH8x", self.device.index, _PROMISCUOUS, 0))
        self.socket.bind((self.device.name, _ETH_P_ALL))

    def _why(self, error: OSError) -> str:
        if error.errno == errno.ENOMEM:
            return f"{self.device.name}: no memory for a ring of {self._block_bytes * self._blocks >> 10} KiB; choose a smaller -B"
        return f"{self.device.name}: cannot be captured on: {error.strerror}"

    def _attach(self, program: Program) -> None:
        code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in program))
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(program), ctypes.addressof(code)))

    def read(self) -> list[LivePacket]:
        """The packets that the kernel has given out since, of one turn of the ring at most, copied."""
        found: list[LivePacket] = []
        for _ in range(self._blocks):
            base = self._turn * self._block_bytes
            status, count, first = _BLOCK.unpack_from(self._map, base)
            if not status & _USER:
                break
            at = base + first
            for _ in range(count):
                at += self._take(at, found)
            struct.pack_into("=I", self._map, base + 8, 0)
            self._turn = (self._turn + 1) % self._blocks
        return found

    def _take(self, at: int, found: list[LivePacket]) -> int:
        """Add the packet whose record stands at ``at``; the bytes to the next one."""
        record = _RECORD.unpack_from(self._map, at)
        following, seconds, nanoseconds, kept, original, status, place, _, tag, protocol = record[:10]
        start = at + place
        data = self._map[start : start + kept]
        flags, gso_type, header_bytes, gso_size, sum_start, sum_offset = _VNET.unpack_from(self._map, start - VNET_BYTES)
        if status & STATUS_VLAN and kept >= _TAG_AT:
            # The tag was taken out on the way in, or is not put in yet: give the frame as it is on a wire.
            tpid = protocol if status & _STATUS_VLAN_PROTOCOL else _VLAN_PROTOCOL
            data = (data[:_TAG_AT] + struct.pack("!HH", tpid, tag & 0xFFFF) + data[_TAG_AT:])[: self._snaplen]
            original += _TAG_BYTES
            sum_start += _TAG_BYTES if flags & 1 else 0
            header_bytes += _TAG_BYTES if gso_type else 0
        carried = Carried(record[-1], status, flags, gso_type, header_bytes, gso_size, sum_start, sum_offset)
        found.append(LivePacket(seconds * 1_000_000_000 + nanoseconds, data, original, carried))
        return int(following)

    def count(self) -> Statistics:
        """The statistics until now."""
        # Reading sets the kernel's counters back. tp_packets has the dropped ones in it.
        accepted, dropped, _ = struct.unpack("=III", self.socket.getsockopt(_SOL_PACKET, _STATISTICS, 12))
        self.statistics.accepted += accepted
        self.statistics.dropped += dropped
        return self.statistics

    def stop(self) -> None:
        """Take no more packets. What was taken can be read once the block that is being filled is retired: see ``settle``."""
        with contextlib.suppress(OSError):
            self._attach(NOTHING)

    def gone(self) -> bool:
        """Whether the device is no longer there. Also clears the error that a device leaves in the socket when it goes down."""
        with contextlib.suppress(OSError):
            self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        try:
            fcntl.ioctl(self.socket, _SIOCGIFNAME, struct.pack("16si20x", b"", self.device.index))
        except OSError:
            return True
        return False

    def close(self) -> None:
        self._map.close()
        self.socket.close()


def settle() -> None:
    """Wait until every ring that was stopped has retired the block it was filling."""
    time.sleep(3 * RETIRE_MS / 1000)


def _power_of_two_below(number: int) -> int:
    return 1 << max(number, 1).bit_length() - 1


def _needs_privilege() -> str:
    python = os.path.realpath(sys.executable)
    return (
        "capturing needs the capability CAP_NET_RAW and nothing else of root; run with sudo, or give it to this Python, "
        f"and so to every program it runs: sudo setcap cap_net_raw+ep {python}"
    )

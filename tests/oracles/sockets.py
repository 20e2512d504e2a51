"""The programs of a domain: sockets that take what is delivered, sockets that send, and the kernel's counters beside them."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator

PORT = 7777
"""Where every domain listens, with UDP and TCP."""
_NETLINK_NETFILTER = 12
_SO_NO_CHECK = 11
_UDP_NO_CHECK6_TX = 101
_IPV6_TRANSPARENT = 75
"""include/uapi/linux/in6.h; of a socket for both versions it holds for IPv4, too."""
COUNTERS = {
    "Tcp.InCsumErrors": "rejected",
    "Udp.InCsumErrors": "rejected",
    "Program.Drops": "rejected",
    "Icmp.InCsumErrors": "rejected",
    "Udp6InCsumErrors": "rejected",
    "Icmp6InCsumErrors": "rejected",
    "Tcp.OutRsts": "accepted",
    "Icmp.InEchos": "accepted",
    "Icmp6InEchos": "accepted",
    "Ip.InHdrErrors": "header",
    "Ip6InHdrErrors": "header",
    "Ip.FragFails": "too long",
    "Ip6InTooBigErrors": "too long",
}
"""The counters of the kernel, and of programs behind its queues, that tell a packet's fate: a segment of no connection is answered by a
reset once its sum was found right, an echo request is counted by type after its sum was. Datagrams have a socket."""


class Sockets:
    """Sockets and counters of the present namespace. ``for_others``: the sockets take what is for other addresses, too (ip(7))."""

    def __init__(self, for_others: bool = False) -> None:
        self.files = [os.open(f"/proc/thread-self/net/{name}", os.O_RDONLY) for name in ("snmp", "snmp6")]
        self.udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.tcp = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        for one in (self.udp, self.tcp):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            if for_others:
                transparent(one)
            one.bind(("::", PORT))
            one.setblocking(False)
        self.tcp.listen(16)
        self.open: list[socket.socket] = []

    def received(self) -> Iterator[bytes]:
        """What datagrams and connections brought since the last call."""
        while True:
            try:
                yield self.udp.recv(0x10000)
            except BlockingIOError:
                break
        for one in self.open:
            try:
                data = one.recv(0x10000)
            except (BlockingIOError, ConnectionError):
                continue
            if data:
                yield data

    def accept(self) -> bool:
        """Take a connection that somebody has opened."""
        try:
            one, _ = self.tcp.accept()
        except BlockingIOError:
            return False
        one.setblocking(False)
        self.open.append(one)
        return True

    def counters(self) -> dict[str, int]:
        """Those of COUNTERS that are not zero."""
        found: dict[str, int] = {}
        for file, parse in zip(self.files, (_table, _list), strict=True):
            found |= {name: int(value) for name, value in parse(os.pread(file, 0x10000, 0).decode()) if value != "0"}
        return found

    def close(self) -> None:
        for one in (*self.open, self.udp, self.tcp):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("=ii", 1, 0))
            one.close()
        for file in self.files:
            os.close(file)


class Connections:
    """The connection table of the present namespace, to be emptied (include/uapi/linux/netfilter/nfnetlink_conntrack.h)."""

    _FLUSH = struct.pack("=IHHIIBBH", 20, 1 << 8 | 2, 5, 0, 0, 0, 0, 0)
    """Subsystem 1 (ctnetlink), message 2 (delete) without a connection, to be acknowledged."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)

    def flush(self) -> None:
        """Forget every connection. Raises OSError."""
        self.socket.send(self._FLUSH)
        error = struct.unpack_from("=i", self.socket.recv(4096), 16)[0]
        if error:
            raise OSError(-error, os.strerror(-error))

    def close(self) -> None:
        self.socket.close()


_GROUPS = tuple({name.partition(".")[0] + ":" for name in COUNTERS if "." in name})


def _table(text: str) -> Iterator[tuple[str, str]]:
    """/proc/net/snmp: a line of names, a line of values."""
    lines = [line.split() for line in text.splitlines() if line.startswith(_GROUPS)]
    for names, values in zip(lines[::2], lines[1::2], strict=True):
        full = (f"{names[0][:-1]}.{word}" for word in names[1:])
        yield from (pair for pair in zip(full, values[1:], strict=True) if pair[0] in COUNTERS)


def _list(text: str) -> Iterator[tuple[str, str]]:
    """/proc/net/snmp6: a name and a value in each line."""
    for line in text.splitlines():
        name, value = line.split()
        if name in COUNTERS:
            yield name, value


def transparent(one: socket.socket) -> None:
    """Let a socket for both versions of IP have addresses that are not the host's."""
    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    one.setsockopt(socket.IPPROTO_IPV6, _IPV6_TRANSPARENT, 1)


def datagram(source: str, destination: str, payload: bytes, *, summed: bool = True) -> None:
    """Send a UDP datagram from a socket of the present namespace; ``summed`` false asks for no UDP checksum."""
    six = ":" in source
    with socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM) as one:
        if not summed and six:
            one.setsockopt(socket.IPPROTO_UDP, _UDP_NO_CHECK6_TX, 1)
        elif not summed:
            one.setsockopt(socket.SOL_SOCKET, _SO_NO_CHECK, 1)
        one.bind((source, 0))
        one.sendto(payload, (destination, PORT))


def ping(source: str, destination: str, payload: bytes) -> None:
    """Send an echo request from a socket of the present namespace (ping_group_range must allow it)."""
    six = ":" in source
    family, protocol = (socket.AF_INET6, socket.IPPROTO_ICMPV6) if six else (socket.AF_INET, socket.IPPROTO_ICMP)
    with socket.socket(family, socket.SOCK_DGRAM, protocol) as one:
        one.bind((source, 0))
        one.sendto(struct.pack("!BBHHH", 128 if six else 8, 0, 0, 0, 1) + payload, (destination, 0))


def connected(source: str, destination: str) -> socket.socket:
    """A connection from the present namespace that is being opened. The caller closes it."""
    one = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET, socket.SOCK_STREAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("=ii", 1, 0))
    one.bind((source, 0))
    one.setblocking(False)
    one.connect_ex((destination, PORT))
    return one

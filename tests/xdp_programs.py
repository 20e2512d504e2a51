"""XDP programs of a few instructions, made by hand, loaded by bpf(2) and put on a device by rtnetlink: no compiler, no library."""

from __future__ import annotations

import ctypes
import os
import socket
import struct

_BPF_PROG_LOAD, _XDP = 5, 6
_CALLS = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "s390x": 351, "ppc64le": 361}
_RTM_SETLINK, _REQUEST_ACK, _IFLA_XDP, _NESTED, _FD, _FLAGS = 19, 5, 43, 0x8000, 1, 3
GENERIC, DRIVER = 2, 4
"""XDP_FLAGS_SKB_MODE and XDP_FLAGS_DRV_MODE (include/uapi/linux/if_link.h)."""
_libc = ctypes.CDLL(None, use_errno=True)


def _instruction(code: int, registers: int = 0, value: int = 0, offset: int = 0) -> bytes:
    """``registers``: the target in the low four bits, the source in the high four."""
    return struct.pack("<BBhi", code, registers, offset, value)


_EXIT = _instruction(0x95)
PASS = _instruction(0xB7, 0, 2) + _EXIT


def redirect(index: int) -> bytes:
    """r1 = ifindex, r2 = 0, bpf_redirect(r1, r2): every frame goes out by this device."""
    return _instruction(0xB7, 1, index) + _instruction(0xB7, 2, 0) + _instruction(0x85, 0, 23) + _EXIT


def send_back(address: bytes) -> bytes:
    """Every frame gets ``address`` for its destination and goes back out of the device that it came in by (XDP_TX)."""
    first, second = struct.unpack("<iH", address)
    return b"".join(
        (
            _instruction(0x61, 0x12, offset=0),  # r2 = data
            _instruction(0x61, 0x13, offset=4),  # r3 = data_end
            _instruction(0xBF, 0x24),  # r4 = r2
            _instruction(0x07, 0x04, 14),
            _instruction(0x2D, 0x34, offset=4),  # shorter than an Ethernet header: passed
            _instruction(0x62, 0x02, first),
            _instruction(0x6A, 0x02, second, offset=4),
            _instruction(0xB7, 0, 3),
            _EXIT,
            PASS,
        )
    )


def load(code: bytes) -> int:
    """A file descriptor of the program. Raises OSError where the kernel or its settings forbid it."""
    call = _CALLS.get(os.uname().machine)
    if call is None:
        raise OSError(f"the number of bpf(2) on {os.uname().machine} is not known here")
    text, licence = ctypes.create_string_buffer(code, len(code)), ctypes.create_string_buffer(b"GPL")
    attributes = struct.pack("<IIQQ", _XDP, len(code) // 8, ctypes.addressof(text), ctypes.addressof(licence)) + bytes(96)
    done: int = _libc.syscall(call, _BPF_PROG_LOAD, ctypes.create_string_buffer(attributes, len(attributes)), len(attributes))
    if done < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return done


def attach(index: int, program: int, mode: int) -> None:
    """Put a program on a device of the present namespace, -1 takes it off. Raises OSError."""
    nested = struct.pack("<HHi", 8, _FD, program) + struct.pack("<HHI", 8, _FLAGS, mode)
    body = struct.pack("<BBHiII", 0, 0, 0, index, 0, 0) + struct.pack("<HH", 4 + len(nested), _IFLA_XDP | _NESTED) + nested
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink:
        netlink.send(struct.pack("<IHHII", 16 + len(body), _RTM_SETLINK, _REQUEST_ACK, 1, 0) + body)
        error = struct.unpack_from("<i", netlink.recv(4096), 16)[0]
    if error:
        raise OSError(-error, os.strerror(-error))

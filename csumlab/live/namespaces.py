"""Where an interface is: its name, and the network namespace it lives in.

Sources: network_namespaces(7), setns(2); ip-netns(8) for the folder of named namespaces; Linux net/core/dev.c dev_valid_name (no name
has a colon or a slash).
"""

from __future__ import annotations

import ctypes
import errno
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

NAMED: Final = "/run/netns"
"""The folder in which ``ip netns add`` keeps namespaces."""

_NEW_NETWORK: Final = 0x40000000  # CLONE_NEWNET of <linux/sched.h>
_LONGEST_NAME: Final = 15
Result = TypeVar("Result")


class LiveError(Exception):
    """The capture cannot be taken, or not go on. ``str()`` says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Place:
    """An interface to capture on. ``namespace`` is the file of its network namespace, "" for that of this process; ``text`` names both."""

    text: str
    namespace: str
    interface: str


def parse_place(text: str) -> Place:
    """``eth0``, ``blue:eth0`` or ``netns:blue:eth0`` (a namespace of ``ip netns``), ``pid:1234:eth0`` (that of a process) or
    ``/path:eth0`` (a namespace file). Raises LiveError."""
    where, _, interface = text.rpartition(":")
    if not 0 < len(interface) <= _LONGEST_NAME or "/" in interface:
        raise LiveError(f"{text!r} names no interface; write IFACE, NETNS:IFACE or pid:NUMBER:IFACE")
    if interface == "any":
        raise LiveError("'any' mixes link types and hides which interface a packet was on; name the interfaces, one -i each")
    if not where:
        return Place(interface, "", interface)
    kind, _, name = where.rpartition(":")
    if where.startswith("/"):
        return Place(text, where, interface)
    if kind == "pid" and name.isdecimal():
        return Place(text, f"/proc/{name}/ns/net", interface)
    if kind in ("", "netns") and name not in ("", ".", "..") and "/" not in name:
        return Place(f"{name}:{interface}", f"{NAMED}/{name}", interface)
    raise LiveError(f"{text!r}: {where!r} names no network namespace; write NAME, pid:NUMBER or the path of a namespace file")


def within(namespace: str, action: Callable[[], Result]) -> Result:
    """What ``action`` gives inside a network namespace, "" for this one. It runs in a thread of its own, the only one that enters the
    namespace, so nothing has to come back. Sockets opened there stay there. Raises LiveError, or what ``action`` raises."""
    if not namespace:
        return action()
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            _enter(namespace)
            results.append(action())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="csumlab-netns")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def _enter(namespace: str) -> None:
    try:
        handle = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
    except PermissionError:
        raise LiveError(f"{namespace}: permission denied; run with sudo, as namespaces of others are closed to a user") from None
    except OSError as error:
        raise LiveError(f"{namespace}: no such network namespace ({error.strerror}); 'ip netns' lists the named ones") from None
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if library.setns(handle, _NEW_NETWORK):
            number = ctypes.get_errno()
            if number == errno.EPERM:
                raise LiveError(f"{namespace}: entering a namespace needs CAP_SYS_ADMIN; run with sudo, or inside it: ip netns exec")
            raise LiveError(f"{namespace}: cannot be entered: {os.strerror(number)}")
    finally:
        os.close(handle)

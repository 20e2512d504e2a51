"""Network namespaces held by a file descriptor, and the few programs and calls that set them up. Linux only."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_HERE = "/proc/thread-self/ns/net"
_libc = ctypes.CDLL(None, use_errno=True)

QUIET: dict[str, int | str] = {
    "net/ipv6/conf/all/accept_dad": 0,
    "net/ipv6/conf/default/accept_dad": 0,
    "net/ipv6/conf/default/accept_ra": 0,
    "net/ipv6/conf/default/addr_gen_mode": 1,
    "net/ipv6/conf/default/router_solicitations": 0,
    "net/ipv4/conf/all/rp_filter": 0,
    "net/ipv4/conf/default/rp_filter": 0,
    "net/ipv4/conf/all/send_redirects": 0,
    "net/ipv4/conf/default/send_redirects": 0,
    "net/ipv4/icmp_echo_ignore_all": 1,
    "net/ipv6/icmp/echo_ignore_all": 1,
    "net/ipv4/ping_group_range": "0 0",
    "net/netfilter/nf_conntrack_tcp_be_liberal": 1,
    "net/bridge/bridge-nf-call-iptables": 0,
    "net/bridge/bridge-nf-call-ip6tables": 0,
}
"""What would send packets of its own or drop some for reasons that have nothing to do with checksums. A key that a kernel lacks is left
out. Bridged packets pass the hooks of IP only where a topology says so."""


class Untestable(Exception):
    """A scenario that cannot be made here; ``str()`` says why in a clause."""


def _call(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def missing(*programs: str) -> str:
    """Why namespaces cannot be made here, as a sentence; empty if they can."""
    for program in ("ip", *programs):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    if not os.path.exists(_HERE):
        return "this is not Linux, or /proc is not mounted"
    try:
        with Namespace().entered():
            pass
    except OSError as error:
        return f"network namespaces cannot be made here ({error.strerror}); run as root, or in a user namespace"
    return ""


def become_root_of_a_user_namespace() -> None:
    """Without root: from now on this process is root of a user namespace and of a network namespace of its own. It must have one
    thread (user_namespaces(7)), so call it before numpy is imported. Raises OSError where the system forbids it."""
    user, group = os.geteuid(), os.getegid()
    _call(_libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET))
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


class Namespace:
    """A nameless network namespace; it is gone when it is closed and nothing in it is open any more."""

    def __init__(self) -> None:
        home = os.open(_HERE, os.O_RDONLY)
        try:
            _call(_libc.unshare(_CLONE_NEWNET))
            try:
                self.fd = os.open(_HERE, os.O_RDONLY)
            finally:
                _call(_libc.setns(home, _CLONE_NEWNET))
        finally:
            os.close(home)

    @property
    def path(self) -> str:
        """A name that other programs can open as long as this process lives."""
        return f"/proc/{os.getpid()}/fd/{self.fd}"

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Within, this thread is in the namespace: sockets and devices it makes belong to it for good."""
        home = os.open(_HERE, os.O_RDONLY)
        try:
            _call(_libc.setns(self.fd, _CLONE_NEWNET))
            try:
                yield
            finally:
                _call(_libc.setns(home, _CLONE_NEWNET))
        finally:
            os.close(home)

    def close(self) -> None:
        os.close(self.fd)


def sysctl(name: str, value: int | str) -> None:
    """Set a sysctl of the present namespace, as a path below /proc/sys. Raises Untestable if the kernel has none of this name."""
    try:
        with open(f"/proc/sys/{name}", "w", encoding="ascii") as file:
            file.write(str(value))
    except OSError as error:
        raise Untestable(f"{name} cannot be set ({error.strerror})") from None


def quiet() -> None:
    """The settings above, and the loopback device up, in the present namespace."""
    for name, value in QUIET.items():
        if os.path.exists(f"/proc/sys/{name}"):
            sysctl(name, value)
    ip(["link set lo up"])


def ip(commands: list[str], version: int | None = None) -> None:
    """Commands of iproute2 in one process, of one IP ``version`` where they do not say which. Raises Untestable with its message."""
    _feed(["ip", *([f"-{version}"] if version else []), "-batch", "-"], "\n".join(commands) + "\n")


def bridge(commands: list[str]) -> None:
    """Commands of iproute2's bridge program in one process. Raises Untestable with its message."""
    if commands:
        _feed(["bridge", "-batch", "-"], "\n".join(commands) + "\n")


def tc(commands: list[str]) -> None:
    """Commands of iproute2's tc in one process. Raises Untestable with its message."""
    if commands:
        _feed(["tc", "-batch", "-"], "\n".join(commands) + "\n")


def nft(rules: str) -> None:
    """A ruleset for nft. Raises Untestable with its message, or if it is not installed."""
    if shutil.which("nft") is None:
        raise Untestable("nft is not installed")
    _feed(["nft", "-f", "-"], rules)


def _feed(command: list[str], text: str) -> None:
    done = subprocess.run(command, input=text, text=True, capture_output=True, check=False)
    if done.returncode:
        raise Untestable(f"{command[0]}: {done.stderr.strip()}")

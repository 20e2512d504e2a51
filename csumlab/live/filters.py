"""What the kernel gives to a packet socket: a classic BPF program that chooses packets and cuts them.

Sources: Linux Documentation/networking/filter.rst; net/packet/af_packet.c tpacket_rcv (a filter's answer is the bytes kept);
tcpdump(1), options -ddd and -y.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Final

from csumlab.live.namespaces import LiveError

Program = tuple[tuple[int, int, int, int], ...]
"""Instructions: code, jump if true, jump if false, operand."""

_RETURN: Final = 6  # BPF_RET | BPF_K
NOTHING: Final[Program] = ((_RETURN, 0, 0, 0),)
"""Takes no packet."""


def everything(snaplen: int) -> Program:
    """Takes every packet, at most ``snaplen`` bytes of it."""
    return ((_RETURN, 0, 0, snaplen),)


def compile_filter(expression: str, link: str, snaplen: int) -> Program:
    """A tcpdump filter expression as a program for links of the kind ``link`` (a DLT name); an empty one takes everything. Raises
    LiveError: tcpdump is not there, it rejects the expression, or the expression asks for what a packet socket does not show."""
    if not expression.strip():
        return everything(snaplen)
    if re.search(r"\bvlan\b", expression):
        raise LiveError("a filter with 'vlan' finds nothing: the kernel keeps VLAN tags beside the packet, where no filter looks")
    tcpdump = shutil.which("tcpdump") or shutil.which("tcpdump", path="/usr/sbin:/sbin:/usr/local/sbin")
    if tcpdump is None:
        raise LiveError("a filter is compiled by tcpdump, which is not installed; install it, or capture without a filter")
    command = [tcpdump, "-y", link, "-s", str(snaplen), "-ddd", expression]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        problem = next((line for line in done.stderr.splitlines() if line.startswith("tcpdump: ")), done.stderr.strip())
        raise LiveError(
            f"the filter {expression!r} cannot be compiled: {problem.removeprefix('tcpdump: ')} (it is a "
            "tcpdump expression, such as 'tcp port 80 and host 10.0.0.1': man pcap-filter)"
        )
    program = []
    for line in done.stdout.splitlines()[1:]:
        code, true, false, operand = (int(word) for word in line.split())
        program.append((code, true, false, operand))
    return tuple(program)

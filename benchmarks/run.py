"""csumlab beside tcpdump, tshark, dpkt and scapy on the same captures: wall time of whole processes, one run, ratios in a table.

    python benchmarks/run.py [--scale 1.0] [--directory DIRECTORY] [--topology host.toml] [--only fragments]

dpkt and scapy loops run over a part of the packets, tshark over a part of large captures: the table says over how many.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MAKER = Path(__file__).with_name("make_captures.py")
DPKT_LOOP = """
import dpkt, sys
def total(data):
    return dpkt.in_cksum_done(dpkt.in_cksum_add(0, data))
with open(sys.argv[1], "rb") as stream:
    for number, (_, data) in enumerate(dpkt.pcap.Reader(stream)):
        if number >= int(sys.argv[2]):
            break
        packet = dpkt.ethernet.Ethernet(data).data
        if isinstance(packet, dpkt.ip.IP):
            total(bytes(packet)[:packet.hl * 4])
            body = bytes(packet.data)
            total(packet.src + packet.dst + bytes([0, packet.p]) + len(body).to_bytes(2, "big") + body)
"""
SCAPY_LOOP = """
import sys
from itertools import islice
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.utils import RawPcapReader
for data, _ in islice(RawPcapReader(sys.argv[1]), int(sys.argv[2])):
    packet = Ether(data)
    for layer in (IP, TCP, UDP):
        if layer in packet:
            del packet[layer].chksum
    Ether(bytes(packet))
"""
KERNELS_LOOP = """
import sys, time
from csumlab.capture import open_capture
from csumlab.index import Index
for _ in range(2):
    index, inside, started = Index(accelerate=True), 0.0, time.perf_counter()
    for block in open_capture(sys.argv[1]):
        before = time.perf_counter()
        index.add(block)
        inside += time.perf_counter() - before
    whole = time.perf_counter() - started
print(whole, inside)
"""
TSHARK = ["-n", *(word for one in ("ip", "tcp", "udp") for word in ("-o", f"{one}.check_checksum:TRUE"))]
TSHARK += [word for one in ("ip", "ipv6") for word in ("-o", f"{one}.defragment:TRUE")]
CAPTURES = ("small", "bulk", "mixed", "fragments")


@dataclass(frozen=True, slots=True)
class Measured:
    """One process: packets it looked at, seconds of wall time, peak resident memory in MB. ``seconds`` None: it could not run, and why."""

    name: str
    packets: int
    seconds: float | None = None
    memory: float = 0.0
    problem: str = ""

    @property
    def rate(self) -> float:
        return self.packets / self.seconds if self.seconds else 0.0


def measure(name: str, command: Sequence[str], packets: int) -> Measured:
    """Run one process to its end with its output thrown away."""
    if shutil.which(command[0]) is None:
        return Measured(name, packets, problem="not installed")
    started = time.perf_counter()
    # As on a machine of a user: Python keeps what it compiled.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
    assert process.stderr is not None
    errors = process.stderr.read().decode(errors="replace").strip()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    # csumlab exits with 1 when it found something.
    if process.returncode not in (0, 1) or "No module named" in errors:
        return Measured(name, packets, problem=(errors.splitlines() or [f"exit status {process.returncode}"])[-1][:60])
    return Measured(name, packets, seconds, usage.ru_maxrss / 1024)


def count_packets(path: Path) -> int:
    """Packets of a little-endian pcap file."""
    count = 0
    with path.open("rb") as stream:
        stream.seek(24)
        while head := stream.read(16):
            count += 1
            stream.seek(int.from_bytes(head[8:12], "little"), os.SEEK_CUR)
    return count


def kernels_alone(path: Path, packets: int) -> list[Measured]:
    """Reading and the class index warm, without start and report; and the index alone over the same blocks."""
    run = subprocess.run([sys.executable, "-c", KERNELS_LOOP, str(path)], capture_output=True, text=True, check=True)
    whole, inside = map(float, run.stdout.split())
    return [Measured("reading and index, warm", packets, whole), Measured("index alone, warm", packets, inside)]


def contest(path: Path, topology: str | None, most: int) -> list[Measured]:
    """All programs on one capture; slow ones on its first ``most`` packets or a fraction of that."""
    packets = count_packets(path)
    some, few = min(packets, most // 5), min(packets, most // 50)
    python = sys.executable
    results = [measure("csumlab check", [python, "-m", "csumlab", "check", str(path)], packets)]
    if topology:
        results.append(measure("csumlab replay", [python, "-m", "csumlab", "replay", str(path), "--topology", topology], packets))
    results += kernels_alone(path, packets)
    results.append(measure("tcpdump -nn -vv -S", ["tcpdump", "-nn", "-vv", "-S", "-r", str(path)], packets))
    results.append(
        measure("tshark, sums validated", ["tshark", *TSHARK, "-c", str(min(packets, most)), "-r", str(path)], min(packets, most))
    )
    results.append(measure("dpkt loop", [python, "-c", DPKT_LOOP, str(path), str(some)], some))
    results.append(measure("scapy loop", [python, "-c", SCAPY_LOOP, str(path), str(few)], few))
    return results


def table(path: Path, results: Sequence[Measured]) -> str:
    """One line a program; the ratio says how many times as many packets a second csumlab check does."""
    packets = max(one.packets for one in results)
    lines = [f"{path.name}: {packets:,} packets, {path.stat().st_size / 1e6:,.0f} MB"]
    lines.append(f"  {'':24} {'packets':>10} {'seconds':>8} {'packets/s':>12} {'GB/s':>6} {'MB peak':>8} {'csumlab is':>11}")
    for one in results:
        if one.seconds is None:
            lines.append(f"  {one.name:24} {one.problem}")
            continue
        volume = one.rate / packets * path.stat().st_size / 1e9
        ratio = f"{results[0].rate / one.rate:,.1f} x" if results[0].seconds else ""
        memory = f"{one.memory:,.0f}" if one.memory else ""
        lines.append(f"  {one.name:24} {one.packets:>10,} {one.seconds:>8.2f} {one.rate:>12,.0f} {volume:>6.2f} {memory:>8} {ratio:>11}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="csumlab beside tcpdump, tshark, dpkt and scapy.")
    parser.add_argument("--scale", type=float, default=1.0, help="1.0 is a million small packets and a gigabyte of bulk")
    parser.add_argument("--directory", type=Path, help="where the captures are written and kept (default: a temporary folder)")
    parser.add_argument("--only", action="append", choices=CAPTURES, help="one of the captures; may be given several times")
    parser.add_argument("--topology", help="a topology for csumlab replay")
    parser.add_argument("--most", type=int, default=200_000, help="packets for tshark; a fifth of it for dpkt, a fiftieth for scapy")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        directory = options.directory or Path(temporary)
        # In another process: the peak memory of a child counts from its parent's at the fork, which therefore stays small.
        subprocess.run([sys.executable, str(MAKER), str(directory), "--scale", str(options.scale)], check=True)
        for path in (directory / f"{name}.pcap" for name in options.only or CAPTURES):
            print(table(path, contest(path, options.topology, options.most)), flush=True)


if __name__ == "__main__":
    main()

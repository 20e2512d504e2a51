"""Real VPN programs: how to start each between the two gateways, and how to end it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from oracles_vm.sites import FAR, NEAR

from .hosts import Sites

WAN = {NEAR: "192.0.2.1", FAR: "192.0.2.9"}
OTHER = {NEAR: FAR, FAR: NEAR}
_INNER = {NEAR: ("10.8.0.1/24", "fd08::1/64"), FAR: ("10.8.0.2/24", "fd08::2/64")}
_ROUTES = {NEAR: ("10.3.0.0/24", "fd03::/64"), FAR: ("10.1.0.0/24", "fd01::/64")}
_PATIENCE = 60.0
"""Seconds in which a tunnel must stand, and only spent by one that does not: a busy machine starts programs slowly."""


@dataclass(frozen=True)
class Program:
    """A VPN program. ``needs`` are the programs it takes; ``prepare`` writes its files into a folder; ``command`` starts it at one gateway
    for a device; ``asks`` is a command that succeeds as soon as the program can be told about the device; ``settle`` are commands to run
    there then; ``port`` is its UDP port."""

    name: str
    needs: tuple[str, ...]
    port: int
    prepare: Callable[[Path, dict[str, str]], None]
    command: Callable[[Path, str, str], str]
    settle: Callable[[Path, str, str], tuple[str, ...]] = lambda folder, place, device: ()
    environment: tuple[tuple[str, str], ...] = ()
    asks: str = "ip link show"


@contextmanager
def running(program: Program, sites: Sites, folder: Path) -> Iterator[dict[str, str]]:
    """The program at both gateways with addresses and routes, once a packet got through; gives the names of the two tunnel devices."""
    devices = {place: f"{program.name[:3]}{place[0]}{os.getpid()}"[:15] for place in (FAR, NEAR)}
    program.prepare(folder, devices)
    with ExitStack() as stack:
        processes = []
        for place, device in devices.items():
            process = sites.start(place, program.command(folder, place, device), **dict(program.environment))
            processes.append(process)
            stack.callback(_end, process)
            _until(partial(_answers, sites, place, f"{program.asks} {device}"), program, processes)
            commands = [*program.settle(folder, place, device)]
            commands += [f"ip addr add {address} dev {device}{' nodad' if ':' in address else ''}" for address in _INNER[place]]
            commands += [f"ip link set {device} mtu 1400 up", *(f"ip route add {route} dev {device}" for route in _ROUTES[place])]
            for command in commands:
                sites.places[place].request("run", command=command)
        _until(partial(_gets_through, sites), program, processes)
        yield devices


def _answers(sites: Sites, place: str, command: str) -> bool:
    try:
        sites.places[place].request("run", command=command)
    except RuntimeError:
        return False
    return True


def _gets_through(sites: Sites) -> bool:
    """Whether a datagram each way arrives."""
    for here, there, source, destination in ((NEAR, FAR, "10.8.0.1", "10.8.0.2"), (FAR, NEAR, "10.8.0.2", "10.8.0.1")):
        sites.places[there].request("listen", addresses=[destination])
        try:
            sites.places[here].request("say", protocol="udp", address=destination, source=source, payload="00")
        except OSError:
            return False
        finally:
            sites.places[here].request("hush")
        time.sleep(0.02)
        if not sites.places[there].request("received"):
            return False
    return True


def _until(ready: Callable[[], bool], program: Program, processes: list[subprocess.Popen[str]]) -> None:
    end = time.monotonic() + _PATIENCE
    while not ready():
        failed = next((process for process in processes if process.poll() is not None), None)
        if failed is not None or time.monotonic() > end:
            said = "\n".join(_end(process) for process in processes)
            raise RuntimeError(f"{program.name} made no tunnel within {_PATIENCE} s:\n{said}")
        time.sleep(0.02)


def _end(process: subprocess.Popen[str]) -> str:
    """End a program; what it said, the first time."""
    if process.stdout is None or process.stdout.closed:
        return ""
    process.terminate()
    try:
        said, _ = process.communicate(timeout=3)
    except subprocess.TimeoutExpired:
        process.kill()
        said, _ = process.communicate()
    return said


def _printed(command: str, text: str = "") -> str:
    return subprocess.run(command.split(), input=text, capture_output=True, text=True, check=True).stdout


def _openvpn_files(folder: Path, devices: dict[str, str]) -> None:
    _printed(f"openvpn --genkey secret {folder}/key")


def _openvpn(folder: Path, place: str, device: str) -> str:
    return (
        f"openvpn --dev {device} --dev-type tun --proto udp --local {WAN[place]} --remote {WAN[OTHER[place]]} --port 1194"
        f" --secret {folder}/key --cipher AES-256-CBC --auth SHA256 --disable-dco --verb 1"
    )


def _wireguard_files(folder: Path, devices: dict[str, str]) -> None:
    for place in devices:
        key = _printed("wg genkey")
        (folder / f"{place}.key").write_text(key)
        (folder / f"{place}.pub").write_text(_printed("wg pubkey", key))


def _wireguard_settled(folder: Path, place: str, device: str) -> tuple[str, ...]:
    other = OTHER[place]
    public = (folder / f"{other}.pub").read_text().strip()
    return (
        f"wg set {device} private-key {folder}/{place}.key listen-port 51820 peer {public}"
        f" endpoint {WAN[other]}:51820 allowed-ips 0.0.0.0/0,::/0",
    )


def _fastd_files(folder: Path, devices: dict[str, str]) -> None:
    keys = {}
    for place in devices:
        lines = _printed("fastd --generate-key --machine-readable").split()
        secret = lines[0]
        (folder / f"{place}.secret").write_text(f'secret "{secret}";\n')
        public = _printed(f"fastd --show-key --machine-readable --config {folder}/{place}.secret").split()[0]
        keys[place] = (secret, public)
    for place, device in devices.items():
        other = OTHER[place]
        (folder / f"{place}.conf").write_text(
            f'log level warn;\nmode tun;\ninterface "{device}";\nmethod "salsa2012+umac";\nmtu 1400;\nbind {WAN[place]}:10000;\n'
            f'secret "{keys[place][0]}";\npeer "{other}" {{ key "{keys[other][1]}"; remote {WAN[other]}:10000; }}\n'
        )


def _tinc_files(folder: Path, devices: dict[str, str]) -> None:
    for place, device in devices.items():
        base = folder / place
        (base / "hosts").mkdir(parents=True)
        connect = f"ConnectTo = {FAR}\n" if place == NEAR else ""
        (base / "tinc.conf").write_text(
            f"Name = {place}\n{connect}Interface = {device}\nAddressFamily = ipv4\nMode = router\nBindToAddress = {WAN[place]}\n"
        )
        inner = "".join(f"Subnet = {net}\n" for net in (*_ROUTES[OTHER[place]], *(address.split("/")[0] for address in _INNER[place])))
        (base / "hosts" / place).write_text(f"Address = {WAN[place]}\n{inner}")
        _printed(f"tincd --config={base} --generate-keys=1024")
    for place in devices:
        other = OTHER[place]
        (folder / place / "hosts" / other).write_text((folder / other / "hosts" / other).read_text())


PROGRAMS = (
    Program("openvpn", ("openvpn",), 1194, _openvpn_files, _openvpn),
    Program(
        "wireguard-go",
        ("wireguard-go", "wg"),
        51820,
        _wireguard_files,
        lambda folder, place, device: f"wireguard-go --foreground {device}",
        _wireguard_settled,
        (("WG_PROCESS_FOREGROUND", "1"), ("WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD", "1")),
        # Its device is there a moment before the socket by which wg sets it.
        "wg show",
    ),
    Program("fastd", ("fastd",), 10000, _fastd_files, lambda folder, place, device: f"fastd --config {folder}/{place}.conf"),
    Program(
        "tinc",
        ("tincd",),
        655,
        _tinc_files,
        lambda folder, place, device: f"tincd --config={folder}/{place} --no-detach --pidfile={folder}/{place}.pid",
    ),
)

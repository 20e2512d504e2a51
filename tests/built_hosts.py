"""Hosts made of network namespaces: a topology of bridges, veth pairs and VXLAN devices as commands, run in a private mount and network
namespace that takes everything with it when it ends."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from ipaddress import IPv4Network, IPv6Network

from csumlab.host.script import SCRIPT
from csumlab.topology.model import Device, DeviceKind, Domain, Port, Topology
from csumlab.topology.options import BRIDGE_CALLS
from csumlab.topology.rules import NatKind, Prefix

PROGRAMS = ("ip", "bridge", "nft", "ethtool", "unshare", "sysctl")
_PREPARE = """set -e
mount -t tmpfs tmpfs /run
mkdir /run/netns
mount -t sysfs sysfs /sys
hostname built 2>/dev/null || true
ip link set lo up
"""


def missing_programs() -> list[str]:
    return [program for program in PROGRAMS if shutil.which(program) is None]


@cache
def can_build() -> bool:
    """Whether network namespaces can be made here: as root, or through a user namespace."""
    done = subprocess.run(
        [*_unshare(), "sh", "-c", "mount -t tmpfs tmpfs /run && ip link add one type veth peer name two"], capture_output=True
    )
    return done.returncode == 0


def _unshare() -> list[str]:
    return ["unshare", "--mount", "--net", "--uts", *([] if os.geteuid() == 0 else ["--map-root-user"])]


def run_there(commands: str) -> bytes:
    """What the commands print, run in namespaces of their own."""
    done = subprocess.run([*_unshare(), "sh", "-s"], input=(_PREPARE + commands).encode(), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def dump_command(*namespaces: str, script: str = SCRIPT) -> str:
    """The command that runs the dump script for this host and these namespaces."""
    return f"sh -s -- {' '.join(namespaces) or '-'} <<'END OF SCRIPT'\n{script}\nEND OF SCRIPT\n"


def build_commands(topology: Topology, here: str) -> str:
    """Commands that make a host of a topology; the domain ``here`` is the namespace they run in, the others get its names."""
    lines = [f"ip netns add {name}" for name in topology.domains if name != here]
    for domain in topology.domains.values():
        for device in domain.devices.values():
            lines += _made(domain, device, here)
    for domain in topology.domains.values():
        lines += _settled(domain, "" if domain.name == here else f"ip netns exec {domain.name} ")
    return "\n".join(lines) + "\n"


def _made(domain: Domain, device: Device, here: str) -> list[str]:
    inside = "" if domain.name == here else f"-n {domain.name} "
    match device.kind:
        case DeviceKind.BRIDGE:
            return [f"ip {inside}link add {device.name} type bridge"]
        case DeviceKind.VETH:
            assert device.peer is not None
            one, other = Port(domain.name, device.name), device.peer
            if other < one:
                return []
            if other.domain == here != one.domain:
                # This namespace has no name to send an end to: the pair is made from here.
                one, other, inside = other, one, ""
            target = f" netns {other.domain}" if other.domain != one.domain else ""
            return [f"ip {inside}link add {one.device} type veth peer name {other.device}{target}"]
        case DeviceKind.VXLAN:
            sums = "udpcsum" if device.options.get("udpcsum", True) else "noudpcsum"
            ends = f"local {device.local} remote {device.remote} dstport {device.port}"
            return [f"ip {inside}link add {device.name} type vxlan id 42 {ends} {sums}"]
    raise AssertionError(f"no command makes a {device.kind.value}")


def _settled(domain: Domain, enter: str) -> list[str]:
    lines = [f"{enter}ip link set lo up"]
    for device in domain.devices.values():
        if device.bridge:
            lines.append(f"{enter}ip link set {device.name} master {device.bridge}")
        if device.mac is not None:
            lines.append(f"{enter}ip link set {device.name} address {device.mac.to_bytes(6, 'big').hex(':')}")
        lines += [f"{enter}ip addr add {text} dev {device.name}{' nodad' if ':' in text else ''}" for text in device.addresses]
        lines.append(f"{enter}ip link set {device.name} up")
        lines += [
            f"{enter}ethtool -K {device.name} {word} {'on' if value else 'off'} >/dev/null" for word, value in device.features.items()
        ]
    for route in domain.routes:
        via = f" via {route.via}" if route.via else ""
        lines.append(f"{enter}ip route add {_prefix(route.to)}{via} dev {route.device}")
    lines.append(f"{enter}sysctl -qw net.ipv4.ip_forward={int(domain.forwarding)}")
    # A namespace starts with bridge netfilter on where the kernel has it; a key that is not there (-e) is off.
    unsaid = dict.fromkeys(BRIDGE_CALLS.values(), False)
    lines += [f"{enter}sysctl -eqw {name}={int(value)}" for name, value in {**unsaid, **domain.sysctl}.items()]
    rules: dict[str, list[str]] = {"prerouting": [], "postrouting": []}
    for rule in domain.nat:
        port = f":{rule.to_port}" if rule.to_port else ""
        if rule.kind is NatKind.DNAT:
            asked = f"{rule.protocol} dport {rule.port} " if rule.port else ""
            rules["prerouting"].append(f'iifname "{rule.device}" {asked}dnat to {rule.address}{port}')
        else:
            asked = f"ip saddr {_prefix(rule.source)} " if rule.source else ""
            asked += f"meta l4proto {rule.protocol} " if rule.protocol else ""
            what = f"snat to {rule.address}{port}" if rule.address else f"masquerade{' to ' + port if port else ''}"
            rules["postrouting"].append(f'oifname "{rule.device}" {asked}{what}')
    if domain.nat:
        chains = "".join(
            f"chain {hook} {{ type nat hook {hook} priority 0;\n" + "\n".join(lines_of) + "\n}\n" for hook, lines_of in rules.items()
        )
        lines.append(f"{enter}nft -f - <<'END OF RULES'\ntable ip made {{\n{chains}}}\nEND OF RULES")
    elif domain.conntrack:
        chain = "chain seen {\ntype filter hook prerouting priority 0\nct state established accept\n}\n"
        lines.append(f"{enter}nft -f - <<'END OF RULES'\ntable inet made {{\n{chain}}}\nEND OF RULES")
    return lines


def _prefix(prefix: Prefix) -> str:
    return str((IPv4Network if prefix.version == 4 else IPv6Network)((prefix.low, prefix.length)))

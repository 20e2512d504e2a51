"""Settings of a dump: the kernel's version, ethtool features, drivers, sysctls, counters, sysfs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from csumlab.host.dump import Section, number_of

_FEATURE = re.compile(r"\s*([\w-]+): (on|off)(.*)")
_RENAMED = {"generic-receive-offload": "rx-gro", "large-receive-offload": "rx-lro", "rx-checksumming": "rx-checksum"}
"""Words of ``ethtool -k`` for features that have another name in the kernel."""


@dataclass(frozen=True, slots=True)
class Feature:
    on: bool
    fixed: bool


@dataclass(frozen=True, slots=True)
class Sysfs:
    """What sysfs says of a device. ``tap`` and ``vnet_hdr`` are None unless it is a tun device; ``virtio``
    are the negotiated features as the kernel shows them."""

    driver: str = ""
    master: str = ""
    index: int = 0
    peer: int = 0
    bridge: bool = False
    bond: bool = False
    tap: bool | None = None
    vnet_hdr: bool | None = None
    virtio: str = ""


def read_features(section: Section) -> Mapping[str, Mapping[str, Feature]]:
    """``ethtool -k`` of every device, by device and by the kernel's name of the feature."""
    found: dict[str, dict[str, Feature]] = {}
    current: dict[str, Feature] | None = None
    for line in section.text.split("\n"):
        if line.startswith("Features for "):
            current = found.setdefault(line[13:].rstrip().rstrip(":"), {})
            continue
        match = _FEATURE.fullmatch(line.rstrip())
        if match and current is not None:
            current[_RENAMED.get(match[1], match[1])] = Feature(match[2] == "on", "[fixed]" in match[3])
    return found


def read_drivers(section: Section) -> Mapping[str, str]:
    """``ethtool -i``: the driver of every device that names one."""
    found: dict[str, str] = {}
    current = ""
    for line in section.text.split("\n"):
        word, _, value = line.partition(": ")
        if word == "interface":
            current = value.strip()
        elif word == "driver" and current:
            found[current] = value.strip()
    return found


def read_sysfs(section: Section) -> Mapping[str, Sysfs]:
    """The script's own lines of sysfs, by device."""
    found: dict[str, Sysfs] = {}
    for line in section.text.split("\n"):
        words = line.split()
        if not words:
            continue
        keys = dict(word.split("=", 1) for word in words[1:] if "=" in word)
        raw = keys.get("tun_flags", "")
        flags = int(raw, 16) if re.fullmatch(r"0x[0-9a-fA-F]{1,8}", raw) else None
        index, peer = number_of(keys.get("ifindex")), number_of(keys.get("iflink"))
        found[words[0]] = Sysfs(
            driver=keys.get("driver", ""),
            master=keys.get("master", ""),
            index=index,
            peer=peer if peer != index else 0,
            bridge="bridge" in keys,
            bond="bonding" in keys,
            # IFF_TAP and IFF_VNET_HDR of include/uapi/linux/if_tun.h.
            tap=None if flags is None else bool(flags & 0x0002),
            vnet_hdr=None if flags is None else bool(flags & 0x4000),
            virtio=negotiated if re.fullmatch(r"[01]{24,128}", negotiated := keys.get("features", "")) else "",
        )
    return found


def read_sysctls(section: Section) -> Mapping[str, int]:
    """Sysctls that are numbers, by path, such as ``net/ipv4/ip_forward``."""
    found = {}
    for line in section.text.split("\n"):
        key, _, value = line.rpartition(":")
        if re.fullmatch(r"\d{1,10}", value.strip()):
            found[key] = int(value)
    return found


def read_counters(section: Section) -> Mapping[str, int]:
    """InCsumErrors of /proc/net/snmp by protocol, where they are not 0."""
    heads: dict[str, list[str]] = {}
    found = {}
    for line in section.text.split("\n"):
        name, colon, rest = line.partition(":")
        words = rest.split()
        if name in heads:
            count = number_of(dict(zip(heads[name], words, strict=False)).get("InCsumErrors"))
            if count:
                found[name] = count
        elif colon:
            heads[name] = words
    return found


def release_of(section: Section) -> str:
    """The kernel's release from ``uname -srmn``, "" if it is not there."""
    words = section.text.split()
    found = next((word for word in words if re.match(r"\d+\.\d+", word)), "")
    return found[:60] if found.isprintable() else ""

"""Boots the distribution's kernel under QEMU, runs the scenes and gives the recording."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from .. import gateway, machine
from ..image import Image
from ..packages import Packages
from ..recording import Recording
from ..running import Scene, numbered, observed, request
from ..sites import FAR, NEAR, SETTINGS, cables
from . import rules, scenes, stacked
from .versions import Version

HERE = Path(__file__).parent
MODULES: tuple[str, ...] = (
    "veth",
    "vxlan",
    "geneve",
    "ipip",
    "sit",
    "ip_gre",
    "ip6_gre",
    "8021q",
    "macsec",
    "dummy",
    "ip6_tunnel",
    "fou",
    "fou6",
    "l2tp_netlink",
    "l2tp_eth",
    "l2tp_ip",
    "wireguard",
    "esp4",
    "xfrm_user",
    "af_packet",
)
MODULES += (
    "authenc",
    "echainiv",
    "seqiv",
    "cbc",
    "ctr",
    "gcm",
    "ghash-generic",
    "aes_generic",
    "sha256_generic",
    "hmac",
    "drbg",
    "jitterentropy_rng",
    "sha512_generic",
)
TOOLS = ("iproute2", "libpython3-stdlib", "python3-minimal", "openvswitch-switch", "ipvsadm", "nftables", "ethtool")
PROGRAMS = ("ip", "tc", "ovs-dpctl", "ipvsadm", "nft", "ethtool")
RULES_MODULES = ("veth", "af_packet")
SECONDS = 1200.0
"""What a whole run may take; on one core of 2024 it takes about a minute."""


def record(folder: Path, version: Version, only: str = "*") -> tuple[str, Recording]:
    """Tunnels in one kernel, in the scenes whose names match ``only``: the name of the golden file and what it holds."""
    tools, kernel = Packages(("iproute2", "wireguard-tools", "libpython3-stdlib", "python3-minimal")), version.packages()
    steps, made = planned(scenes.scenes(version.preset, only), cables)
    plan = json.dumps({"settings": SETTINGS, "steps": steps})
    image = Image().start(HERE / "init.py").python(tools).programs(tools, "ip", "wg").modules(kernel, MODULES, some=True)
    for place in (NEAR, FAR):
        key = tools.run("wg", "genkey")
        image.add(f"oracle/{place}.key", key.encode())
        plan = plan.replace(f"PUBLIC-{place}", tools.run("wg", "pubkey", text=key).strip())
    command = f"python -m tests.oracles_vm.record kernel --kernel {version.name}"
    return f"linux-{version.name}-tunnels", booted(image, plan, kernel, made, folder, command)


def record_rules(folder: Path, version: Version, only: str = "*") -> tuple[str, Recording]:
    """What one kernel does by rules, in the scenes whose names match ``only``."""
    tools = Packages(TOOLS)
    kernel = version.packages()
    several = rules.chosen(version.name, only)
    steps, made = planned(rules.scenes(version.preset, several), gateway.cables)
    plan = json.dumps({"settings": SETTINGS, "steps": steps})
    image = Image().start(HERE / "init.py").python(tools).programs(tools, *PROGRAMS).modules(kernel, RULES_MODULES, some=True)
    for number, one in enumerate(several):
        image.modules(kernel, one.modules, f"modules-{number}", some=True)
    command = f"python -m tests.oracles_vm.record rules --kernel {version.name}"
    return f"linux-{version.name}-rules", booted(image, plan, kernel, made, folder, command)


def record_stacked(folder: Path, version: Version) -> tuple[str, Recording]:
    """What one kernel does at devices that sit on others."""
    tools, kernel = Packages(TOOLS), version.packages()
    steps, made = planned(stacked.scenes(version.name, version.preset), stacked.cables)
    plan = json.dumps({"settings": SETTINGS, "steps": steps})
    image = Image().start(HERE / "init.py").python(tools).programs(tools, *PROGRAMS).modules(kernel, stacked.MODULES, some=True)
    return f"linux-{version.name}-stacked", booted(
        image, plan, kernel, made, folder, f"python -m tests.oracles_vm.record stacked --kernel {version.name}"
    )


def planned(
    wanted: Iterable[tuple[Callable[[int], Scene], dict[str, str]]], laid: Callable[[dict[str, str]], Iterator[str]]
) -> tuple[list[dict[str, Any]], list[Scene]]:
    """Scenes as steps of the plan, with their namespaces and cables, and the scenes themselves."""
    several = list(wanted)
    made = list(numbered([make for make, _ in several]))
    return [
        {"name": scene.name, "namespaces": names, "cables": list(laid(names)), **request(scene)}
        for scene, (_, names) in zip(made, several, strict=True)
    ], made


def booted(image: Image, plan: str, packages: Packages, made: list[Scene], folder: Path, command: str) -> Recording:
    """Boots the kernel of ``packages`` with the image and the plan, and gives what it did."""
    (folder / "image").write_bytes(bytes(image.add("oracle/plan.json", plan.encode())))
    kernel = packages.root / "boot" / f"vmlinuz-{packages.kernel()}"
    options = ["-cpu", "max", "-m", "1024", "-kernel", str(kernel), "-initrd", str(folder / "image")]
    options += ["-append", "console=ttyS0 quiet panic=1 mitigations=off nokaslr"]
    found = machine.run(options, folder.parent / f"console-{packages.kernel()}.log", SECONDS)
    refused = {scene.name: result["refused"] for number, scene in enumerate(made) if "refused" in (result := found[f"step-{number}"])}
    observations = tuple(observed(scene, found[f"step-{number}"]) for number, scene in enumerate(made) if scene.name not in refused)
    name = next(name for name in packages.versions if name.startswith("linux-image-") and packages.kernel() in name)
    versions = {"kernel": f"{packages.kernel()} {packages.versions[name]}", "emulator": machine.version()}
    return Recording(command, versions, {"refused": refused}, observations)

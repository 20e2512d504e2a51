"""Boots the distribution's kernel under QEMU, runs the scenes and gives the recording."""

from __future__ import annotations

import json
from pathlib import Path

from .. import machine
from ..image import Image
from ..packages import Packages
from ..recording import Recording
from ..running import numbered, observed, request
from ..sites import FAR, NEAR, SETTINGS, cables
from . import scenes

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
SECONDS = 600.0
"""What a whole run may take; on one core of 2024 it takes about a minute."""


def record(folder: Path) -> tuple[str, Recording]:
    """The name of the golden file and what it holds."""
    packages = Packages(("linux-image-amd64", "iproute2", "wireguard-tools", "libpython3-stdlib", "python3-minimal"))
    wanted = list(scenes.scenes())
    made = list(numbered([make for make, _ in wanted]))
    steps = [
        {"name": scene.name, "namespaces": names, "cables": list(cables(names)), **request(scene)}
        for scene, (_, names) in zip(made, wanted, strict=True)
    ]
    plan = json.dumps({"settings": SETTINGS, "steps": steps})
    image = Image().start(HERE / "init.py").python(packages).programs(packages, "ip", "wg").modules(packages, MODULES)
    for place in (NEAR, FAR):
        key = packages.run("wg", "genkey")
        image.add(f"oracle/{place}.key", key.encode())
        plan = plan.replace(f"PUBLIC-{place}", packages.run("wg", "pubkey", text=key).strip())
    (folder / "image").write_bytes(bytes(image.add("oracle/plan.json", plan.encode())))
    kernel = packages.root / "boot" / f"vmlinuz-{packages.kernel()}"
    options = ["-cpu", "max", "-m", "1024", "-kernel", str(kernel), "-initrd", str(folder / "image")]
    options += ["-append", "console=ttyS0 quiet panic=1 mitigations=off nokaslr"]
    found = machine.run(options, folder.parent / "console-kernel.log", SECONDS)
    refused = {scene.name: result["refused"] for number, scene in enumerate(made) if "refused" in (result := found[f"step-{number}"])}
    observations = tuple(observed(scene, found[f"step-{number}"]) for number, scene in enumerate(made) if scene.name not in refused)
    versions = {"kernel": f"{packages.kernel()} {packages.versions[f'linux-image-{packages.kernel()}']}", "emulator": machine.version()}
    short = ".".join(packages.kernel().split(".")[:2])
    return f"linux-{short}-tunnels", Recording("python -m tests.oracles_vm.record kernel", versions, {"refused": refused}, observations)

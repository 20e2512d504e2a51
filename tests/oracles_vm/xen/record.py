"""Boots Xen with dom0 and two guests under QEMU, runs the scenes and gives the recording."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from .. import machine
from ..image import Image, unpacked_kernel
from ..packages import Packages, newest
from ..recording import Recording
from ..running import features, numbered, observed, request
from . import hosts, scenes

HERE = Path(__file__).parent
DOM0_MODULES: tuple[str, ...] = ("xenfs", "xen-evtchn", "xen-gntdev", "xen-gntalloc", "xen-privcmd", "xen-netback")
DOM0_MODULES += ("bridge", "e1000", "e1000e", "af_packet", "nf_tables", "nft_chain_nat", "nft_masq", "nft_nat")
GUEST_MODULES = ("xen-netfront", "af_packet")
PROGRAMS = ("xenstore-utils", "linux-image-amd64", "ethtool", "iproute2", "nftables", "libpython3-stdlib", "coreutils")
TOOLSTACK = ("xl", "xenstored", "xenconsoled", "xen-init-dom0", "libxl-save-helper")
SECONDS = 900.0
"""What a whole run may take; on one core of 2024 it takes about three minutes."""
_XEN_OPTIONS = (
    "console=com1 com1=115200 dom0_mem=1024M,max:1024M dom0_max_vcpus=1 loglvl=warning guest_loglvl=warning sched=credit"
    " spec-ctrl=no pv-l1tf=false xpti=false"
)
_DOM0_OPTIONS = "console=hvc0 quiet panic=1 mitigations=off nokaslr"
"""No comma may be in here: it would begin the next module in QEMU's -initrd."""
_PROCESSOR = "max,-smap"
"""With SMAP dom0 dies at its first iretq under QEMU's emulation."""


def record(folder: Path) -> tuple[str, Recording]:
    """The name of the golden file and what it holds."""
    hypervisor = newest(r"^xen-hypervisor-[0-9.]+-amd64$")
    version = hypervisor.split("-")[2]
    packages = Packages((hypervisor, f"xen-utils-{version}", *PROGRAMS))
    made = list(numbered(scenes.scenes()))
    plan = {**hosts.plan_of_host(), "steps": [{"name": scene.name, **request(scene)} for scene in made]}
    kernel = unpacked_kernel(packages)
    (folder / "vmlinux").write_bytes(kernel)
    (folder / "xen").write_bytes(_unpacked(packages.root / "boot" / f"xen-{version}-amd64.gz"))
    (folder / "image").write_bytes(bytes(_dom0(packages, version, kernel, json.dumps(plan))))
    macs = {device: mac for (place, device), mac in hosts.MACS.items() if place == "dom0"}
    # QEMU's e1000 sums as the driver asks; its e1000e sums anew whatever it finds, and writes that into the guest's memory, so that what a
    # packet socket is shown later is not what it was given. Packets are sent into the wire by the former only.
    with machine.wire("e1000", macs["eth0"]) as wire, machine.wire("e1000e", macs["eth1"]) as other:
        options = ["-cpu", _PROCESSOR, "-m", "2048", *wire.options, *other.options, "-kernel", str(folder / "xen"), "-append", _XEN_OPTIONS]
        options += ["-initrd", f"{folder}/vmlinux {_DOM0_OPTIONS},{folder}/image"]
        found = machine.run(options, folder.parent / "console-xen.log", SECONDS)
        frames = [("outside:eth0 in", frame) for frame in wire.frames]
    versions = {
        "hypervisor": packages.versions[hypervisor],
        "kernel": f"{packages.kernel()} {packages.versions[f'linux-image-{packages.kernel()}']}",
        "emulator": machine.version(),
    }
    facts = {
        "features": {port: features(text) for port, text in found["features"].items()},
        "xenstore": {path: [line for line in text.splitlines() if line.startswith("feature-")] for path, text in found["xenstore"].items()},
    }
    steps = tuple(observed(scene, found[f"step-{number}"], frames) for number, scene in enumerate(made))
    short = ".".join(packages.kernel().split(".")[:2])
    return f"xen-{version}-linux-{short}", Recording("python -m tests.oracles_vm.record xen", versions, facts, steps)


def _dom0(packages: Packages, version: str, kernel: bytes, plan: str) -> Image:
    guest = Image().start(HERE / "guest.py").python(packages).programs(packages, "ip", "ethtool").modules(packages, GUEST_MODULES)
    image = Image().start(HERE / "dom0.py").python(packages).modules(packages, DOM0_MODULES)
    image.programs(packages, "ip", "bridge", "ethtool", "nft", *(f"usr/lib/xen-{version}/bin/{name}" for name in TOOLSTACK))
    image.programs(packages, *(f"xenstore-{name}" for name in ("read", "write", "ls")))
    # The hotplug script does nothing: dom0.py writes what it would write, when the devices are as the plan wants them.
    hook = "/" + str(packages.program("true").relative_to(packages.root))
    image.programs(packages, "true").libraries(packages, "libgcc_s.so.1").folder("etc/xen/scripts").link("etc/xen/scripts/vif-bridge", hook)
    image.link("sbin/xl", f"/usr/lib/xen-{version}/bin/xl").add("etc/xen/xl.conf", b'autoballoon="off"\n')
    image.add("guest/vmlinux", kernel).add("guest/image", bytes(guest)).add("oracle/plan.json", plan.encode())
    return image


def _unpacked(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes())

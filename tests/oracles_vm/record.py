"""``python -m tests.oracles_vm.record xen`` (``kernel --kernel 4.4``, ``rules --kernel 5.4``, ``stacked``): boot the machine under QEMU,
run its scenes, write the golden file anew.

Needs apt-get (packages are downloaded and unpacked, not installed), qemu-system-x86 and kmod; no KVM. Each takes about two
minutes on one core. Packages and the console of the last run are kept in $CSUMLAB_VM, else in csumlab-vm in the user's cache. Kernels of
another distribution come from $CSUMLAB_MIRROR_UBUNTU or $CSUMLAB_MIRROR_DEBIAN.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from . import packages
from .kernel import record as kernel
from .kernel.versions import VERSIONS
from .known import sorted_out
from .prediction import differences
from .recording import GOLDEN, save
from .xen import record as xen

NEEDED = ("apt-get", "apt-cache", "dpkg", "depmod", "modprobe", "nice", "qemu-system-x86_64")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("machine", choices=("xen", "kernel", "rules", "stacked"))
    versions = {one.name: one for one in VERSIONS}
    parser.add_argument("--kernel", choices=versions, default="6.1", help="which kernel, but for xen")
    parser.add_argument("--to", type=Path, help="write the golden file here instead")
    parser.add_argument(
        "--check", action="store_true", help="write nothing: hold what was observed against csumlab's tables; 1 if they differ"
    )
    parser.add_argument("--only", default="*", help="of kernel and rules: the scenes whose names match this pattern (fnmatch)")
    chosen = parser.parse_args()
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        print(f"record: not installed: {', '.join(missing)}", file=sys.stderr)
        return 2
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=packages.folder()) as folder:
        if chosen.machine == "rules":
            name, recording = kernel.record_rules(Path(folder), versions[chosen.kernel], chosen.only)
        elif chosen.machine == "stacked":
            name, recording = kernel.record_stacked(Path(folder), versions[chosen.kernel])
        elif chosen.machine == "kernel":
            name, recording = kernel.record(Path(folder), versions[chosen.kernel], chosen.only)
        else:
            name, recording = xen.record(Path(folder))
    count = sum(len(step.packets) for step in recording.steps)
    print(f"{name}: {len(recording.steps)} steps, {count} packets, {time.monotonic() - started:.0f} s")
    if chosen.check:
        unknown, idle = sorted_out(name, differences(recording))
        for line in (*unknown, *(f"known, and not there any more: {entry}" for entry in idle)):
            print(line)
        return int(bool(unknown or idle))
    path = chosen.to or GOLDEN / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    save(recording, path)
    return 0


if __name__ == "__main__":
    sys.exit(main())

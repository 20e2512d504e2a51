#!/python -SE
"""Process 1 of a paravirtual guest: bring up the device that dom0 talks to it by, and serve."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, "/oracle")

from oracles_vm import agent, boot

CONTROL = "00:16:3e:99:"
"""What the hardware address of the device begins with that dom0 talks to the guest by."""


def main() -> None:
    boot.mount()
    boot.load_modules()
    words = dict(word.split("=", 1) for word in Path("/proc/cmdline").read_text().split() if "=" in word)
    boot.wait_for(f"/sys/class/net/eth{int(words['devices']) - 1}")
    boot.settings({"net/ipv6/conf/default/accept_dad": "0", "net/ipv6/conf/all/accept_dad": "0"})
    here = agent.Here()
    here.run("ip link set lo up")
    for device in sorted(Path("/sys/class/net").iterdir()):
        if (device / "address").read_text().startswith(CONTROL):
            here.run(f"ip addr add {words['control']} dev {device.name}")
            here.run(f"ip link set {device.name} up")
    boot.say("guest serves")
    agent.serve()


if __name__ == "__main__":
    main()

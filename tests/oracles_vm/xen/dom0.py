#!/python -SE
"""Process 1 of dom0: start the toolstack, make the guests, run every step of the plan, write what was seen to the console, power off."""

from __future__ import annotations

import socket
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

sys.path.insert(0, "/oracle")

from oracles_vm import agent, boot

FORWARDED = 0x88B5
"""EtherType of a frame that asks the far end of the card's cable to send what it carries."""
CONTROL_NET = "192.168.99"


class Outside:
    """What is at the far end of the card's cable: it sends what it is given, and nobody answers there."""

    def request(self, name: str, **arguments: Any) -> Any:
        if name == "counters":
            return {}
        if name == "inject":
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as card:
                card.bind((arguments["device"], 0))
                for _, text in arguments["frames"]:
                    frame = bytes.fromhex(text)
                    card.send(bytes(12) + FORWARDED.to_bytes(2, "big") + len(frame).to_bytes(2, "big") + frame)
        return None


def main() -> None:
    boot.mount()
    boot.load_modules()
    Path("/dev/pts").mkdir()
    boot.mount(("xenfs", "/proc/xen"), ("devpts", "/dev/pts"))
    plan = boot.plan()
    here = agent.Here()
    _toolstack()
    boot.say("toolstack is up")
    boot.settings(plan["settings"])
    here.run("ip link set lo up")
    here.run("ip link add control type bridge forward_delay 0 mcast_snooping 0")
    here.run(f"ip addr add {CONTROL_NET}.1/24 dev control")
    here.run("ip link set control up")
    for number, domain in enumerate(plan["domains"], 1):
        _create(here, number, domain)
    for command in plan["commands"]:
        here.run(command)
    places: dict[str, agent.Place] = {"dom0": here, "outside": Outside(), "elsewhere": Outside()}
    for number, domain in enumerate(plan["domains"], 1):
        places[domain["name"]] = agent.There(f"{CONTROL_NET}.{10 + number}", patience=300)
        boot.say(f"{domain['name']} is up")
        for command in domain["commands"]:
            places[domain["name"]].request("run", command=command)
    boot.tell("hypervisor", here.run("xl info"))
    boot.tell(
        "features",
        {port: places[port.split(":")[0]].request("run", command=f"ethtool -k {port.split(':')[1]}") for port in plan["features"]},
    )
    boot.tell("xenstore", {path: here.run(f"xenstore-ls {path}") for path in plan["xenstore"]})
    for number, step in enumerate(plan["steps"]):
        boot.say(step["name"])
        boot.tell(f"step-{number}", agent.perform(places, step))


def _toolstack() -> None:
    programs = next(Path("/usr/lib").glob("xen-*/bin"))
    for path in ("/run/xen", "/run/lock", "/run/xenstored", "/var/lib/xenstored", "/var/lib/xen", "/var/log/xen"):
        Path(path).mkdir(parents=True, exist_ok=True)
    if not Path("/var/run").exists():
        Path("/var/run").symlink_to("/run")
    subprocess.run([programs / "xenstored", "--pid-file", "/run/xenstored.pid"], check=True)
    boot.wait_for("/run/xenstored/socket")
    subprocess.run([programs / "xen-init-dom0"], check=True)
    subprocess.run([programs / "xenconsoled", "--log=guest", "--log-dir=/var/log/xen"], check=True)


def _create(here: agent.Here, number: int, domain: dict[str, Any]) -> None:
    """Make a guest, give its devices their bridges and xenstore keys before its kernel looks at them, then let it run."""
    vifs = [*domain["vifs"], {"mac": f"00:16:3e:99:00:{number:02x}", "bridge": "control"}]
    devices = ", ".join(f"'mac={vif['mac']},bridge={vif['bridge']}'" for vif in vifs)
    words = f"console=hvc0 quiet mitigations=off nokaslr panic=1 devices={len(vifs)} control={CONTROL_NET}.{10 + number}/24"
    Path(f"/tmp/{domain['name']}.cfg").write_text(
        f"name='{domain['name']}'\ntype='pv'\nkernel='/guest/vmlinux'\nramdisk='/guest/image'\nmemory=256\nvcpus=1\n"
        f"extra='{words}'\nvif=[{devices}]\n"
    )
    here.run(f"xl create -p /tmp/{domain['name']}.cfg")
    for place, vif in enumerate(vifs):
        name, back, front = (
            f"vif{number}.{place}",
            f"/local/domain/0/backend/vif/{number}/{place}",
            f"/local/domain/{number}/device/vif/{place}",
        )
        boot.wait_for(f"/sys/class/net/{name}")
        for key, value in vif.get("frontend", {}).items():
            here.run(f"xenstore-write {front}/{key} {value}")
        for key, value in vif.get("backend", {}).items():
            here.run(f"xenstore-write {back}/{key} {value}")
        if vif["bridge"] == "control":
            here.run(f"ip link set {name} master control")
        here.run(f"ip link set {name} up")
        here.run(f"xenstore-write {back}/hotplug-status connected")
    here.run(f"xl unpause {domain['name']}")


if __name__ == "__main__":
    try:
        main()
        boot.tell("done", True)
    except BaseException:
        print(traceback.format_exc(), flush=True)
        for log in Path("/var/log/xen").glob("*"):
            print(f"== {log}\n{log.read_text(errors='replace')[-1500:]}", flush=True)
    finally:
        boot.end()

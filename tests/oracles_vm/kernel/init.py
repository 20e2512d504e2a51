#!/python -SE
"""Process 1: make the namespaces of each host of the plan, run its steps, write what was seen to the console, power off."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

sys.path.insert(0, "/oracle")

from oracles_vm import agent, boot


def main() -> None:
    boot.mount()
    boot.load_modules()
    plan = boot.plan()
    here = agent.Here()
    here.run("ip link set lo up")
    for number, step in enumerate(plan["steps"]):
        boot.say(step["name"])
        boot.load_modules(f"/modules-{number}")
        places: dict[str, agent.Place] = {}
        made = [f"ip netns add {name}" for name in step["namespaces"].values()]
        here.run("\n".join([*made, *step["cables"]]))
        for place, name in step["namespaces"].items():
            places[place] = agent.Here(f"/run/netns/{name}")
            for path, text in plan["settings"]:
                places[place].request("write", path=f"/proc/sys/{path}", text=text)
        try:
            boot.tell(f"step-{number}", agent.perform(places, step))
        except RuntimeError as error:
            boot.tell(f"step-{number}", {"refused": str(error)})
        for place in places.values():
            place.request("listen", addresses=[])
        here.run("\n".join(f"ip netns del {name}" for name in step["namespaces"].values()))
    boot.tell("modules", sorted(path.name for path in Path("/sys/module").iterdir()))


if __name__ == "__main__":
    try:
        main()
        boot.tell("done", True)
    except BaseException:
        print(traceback.format_exc(), flush=True)
    finally:
        boot.end()

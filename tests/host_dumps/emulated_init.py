#!/python -SE
"""Process 1: run the commands of the plan and the dump script, write the dump to the console, power off."""

from __future__ import annotations

import subprocess
import sys
import traceback

sys.path.insert(0, "/oracle")

from oracles_vm import agent, boot


def main() -> None:
    boot.mount()
    boot.load_modules()
    plan = boot.plan()
    here = agent.Here()
    boot.wait_for("/sys/class/net/eth0")
    here.run("hostname site")
    for command in plan["commands"]:
        try:
            here.run(command)
        except RuntimeError as error:
            boot.say(str(error))
    boot.say("dumping")
    done = subprocess.run(["sh", "-s"], input=plan["script"], capture_output=True, text=True, check=False)
    boot.say(done.stderr)
    boot.tell("dump", done.stdout)


if __name__ == "__main__":
    try:
        main()
        boot.tell("done", True)
    except BaseException:
        print(traceback.format_exc(), flush=True)
    finally:
        boot.end()

"""Two sites joined by a VPN, as network namespaces of this machine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from oracles_vm.agent import Here, Place
from oracles_vm.sites import FAR, LEFT, NEAR, RIGHT, SETTINGS, cables, configured


@dataclass(frozen=True)
class Sites:
    """The four namespaces: agents by place, and the names that ``ip netns exec`` takes."""

    places: dict[str, Place]
    names: dict[str, str]

    def start(self, place: str, command: str, **environment: str) -> subprocess.Popen[str]:
        """A program in the namespace of ``place``; its output is kept for the case that it fails."""
        return subprocess.Popen(
            ["ip", "netns", "exec", self.names[place], *command.split()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **environment},
        )


@contextmanager
def sites(tag: str) -> Iterator[Sites]:
    """Make the namespaces, cables, addresses and routes; the tunnel devices are left to the program. All is gone afterwards."""
    names = {place: f"csumlab-{tag}-{os.getpid()}-{place}" for place in (LEFT, NEAR, FAR, RIGHT)}
    with ExitStack() as stack:
        for name in names.values():
            _ip(f"netns add {name}")
            stack.callback(_ip, f"netns del {name}")
        places: dict[str, Place] = {place: Here(f"/run/netns/{name}") for place, name in names.items()}
        for place in places.values():
            stack.callback(place.request, "listen", addresses=[])
            for path, text in SETTINGS:
                place.request("write", path=f"/proc/sys/{path}", text=text)
        for command in cables(names):
            places[LEFT].request("run", command=command)
        for name, place in places.items():
            for command in configured(name):
                place.request("run", command=command)
        yield Sites(places, names)


def _ip(words: str) -> None:
    done = subprocess.run(["ip", *words.split()], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"ip {words}: {done.stderr.strip()}")

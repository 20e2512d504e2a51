"""What a machine was observed to do, as JSON kept in the repository: hosts, steps, and each packet at every device that showed it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parent / "golden"


@dataclass(frozen=True, slots=True)
class View:
    """A packet as one device shows it: ``data`` from the IP header on, and the state that went with it; None where the observer sees
    bytes only (the wire)."""

    data: bytes
    state: str | None


@dataclass(frozen=True, slots=True)
class Observed:
    """One packet. ``sent`` and ``state`` are what was injected out of a device of ``origin``; ``made`` says that a socket of its kernel
    made it, and then ``sent`` is the packet seen first, with its sums made right. ``views`` by ``domain:device way``. ``delivered``:
    whether a socket got it or a stack answered it, None where nobody could be asked."""

    number: int
    what: str
    origin: str
    sent: bytes
    state: str
    made: bool
    views: Mapping[str, View]
    delivered: bool | None


@dataclass(frozen=True, slots=True)
class Step:
    """What was done at once: a host (the topology's TOML) with its settings, the packets, and by domain the checksum error counters that
    moved. ``watched`` are the ports that were listened at."""

    name: str
    host: str
    commands: tuple[str, ...]
    watched: tuple[str, ...]
    counters: Mapping[str, Mapping[str, int]]
    packets: tuple[Observed, ...]


@dataclass(frozen=True, slots=True)
class Recording:
    """All steps of one machine. ``versions`` names hypervisor, kernel and emulator, ``facts`` what else the machine said of itself
    (features of devices, keys of xenstore); ``command`` makes the file anew."""

    command: str
    versions: Mapping[str, str]
    facts: Mapping[str, Any]
    steps: tuple[Step, ...] = ()


def save(recording: Recording, path: Path) -> None:
    """Write as JSON, a packet a line. Bytes that were sent, or seen at a port before, are written as "=" or
    "=PORT"."""
    hosts = list(dict.fromkeys(step.host for step in recording.steps))
    lines = ["{", f' "command": {json.dumps(recording.command)},', f' "versions": {json.dumps(dict(recording.versions))},']
    lines += [
        f' "facts": {json.dumps(dict(recording.facts))},',
        ' "hosts": [',
        ",\n".join(f"  {json.dumps(text)}" for text in hosts),
        " ],",
        ' "steps": [',
    ]
    blocks = []
    for step in recording.steps:
        head = {
            "name": step.name,
            "host": hosts.index(step.host),
            "commands": step.commands,
            "watched": step.watched,
            "counters": step.counters,
        }
        packets = ",\n".join("   " + json.dumps(_packet(one)) for one in step.packets)
        blocks.append(f'  {json.dumps(head)[:-1]}, "packets": [\n{packets}\n  ]}}')
    lines += [",\n".join(blocks), " ]", "}"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def load(path: Path) -> Recording:
    read = json.loads(path.read_text(encoding="utf-8"))
    steps = tuple(
        Step(
            name=entry["name"],
            host=read["hosts"][entry["host"]],
            commands=tuple(entry["commands"]),
            watched=tuple(entry["watched"]),
            counters=entry["counters"],
            packets=tuple(_observed(one) for one in entry["packets"]),
        )
        for entry in read["steps"]
    )
    return Recording(read["command"], read["versions"], read["facts"], steps)


def _packet(one: Observed) -> dict[str, Any]:
    views: dict[str, list[str | None]] = {}
    first = {one.sent: "="}
    for port, view in one.views.items():
        views[port] = [first.get(view.data, view.data.hex()), view.state]
        first.setdefault(view.data, f"={port}")
    found: dict[str, Any] = {"number": one.number, "what": one.what, "origin": one.origin, "sent": one.sent.hex()}
    found |= {"state": one.state} if one.state else {}
    found |= {"made": True} if one.made else {}
    return {**found, "views": views, "delivered": one.delivered}


def _observed(one: dict[str, Any]) -> Observed:
    sent = bytes.fromhex(one["sent"])
    views: dict[str, View] = {}
    for port, (data, state) in one["views"].items():
        known = sent if data == "=" else views[data[1:]].data if data.startswith("=") else bytes.fromhex(data)
        views[port] = View(known, state)
    return Observed(one["number"], one["what"], one["origin"], sent, one.get("state", ""), one.get("made", False), views, one["delivered"])

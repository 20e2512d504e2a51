"""Where the parts of a host go in its drawing: domains are boxes in columns, the outside on the right, guests on the left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from csumlab.topology import stacking
from csumlab.topology.model import DeviceKind, Domain, Port, Topology

CHIP_WIDTH, CHIP_HEIGHT = 128.0, 40.0
_ROW, _COLUMN, _PAD, _HEAD = 54.0, 40.0, 18.0, 52.0
_GAP, _BETWEEN, _MARGIN = 84.0, 26.0, 14.0


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle; ``x`` and ``y`` are its upper left corner, in pixels."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Placing:
    """A laid out host. ``bars`` are wires that join more than two cards: x, and the range of y."""

    width: float
    height: float
    domains: Mapping[str, Box]
    chips: Mapping[Port, Box]
    bars: Mapping[str, tuple[float, float, float]]


def place(topology: Topology) -> Placing:
    """Lay a host out. The same topology always comes out the same."""
    columns = _columns(topology)
    level = {name: place for place, names in enumerate(columns) for name in names}
    sides = {name: _sides(topology, topology.domains[name], level) for name in level}
    domains: dict[str, Box] = {}
    chips: dict[Port, Box] = {}
    x = _MARGIN
    ends: list[float] = []
    for names in columns:
        parts = [max((1 for name in names if sides[name][side]), default=0) for side in range(3)]
        used = max(1, sum(parts))
        width = 2 * _PAD + used * CHIP_WIDTH + (used - 1) * _COLUMN
        y = _MARGIN
        for name in names:
            rows = max(1, max(len(side) for side in sides[name]))
            box = Box(x, y, width, _HEAD + rows * _ROW)
            domains[name] = box
            for side, ports in enumerate(sides[name]):
                left = {0: x + _PAD, 1: x + _PAD + parts[0] * (CHIP_WIDTH + _COLUMN), 2: x + width - _PAD - CHIP_WIDTH}[side]
                if side == 1 and not parts[0] and not parts[2]:
                    left = x + (width - CHIP_WIDTH) / 2
                top = y + _HEAD + (rows - len(ports)) * _ROW / 2
                for number, port in enumerate(ports):
                    chips[port] = Box(left, top + number * _ROW, CHIP_WIDTH, CHIP_HEIGHT)
            y += box.height + _BETWEEN
        ends.append(x + width)
        x += width + _GAP
    height = max((box.y + box.height for box in domains.values()), default=0.0)
    for names in columns:
        # Short columns stand in the middle.
        bottom = max(domains[name].y + domains[name].height for name in names)
        down = (height - bottom) / 2
        for name in names:
            domains[name] = _moved(domains[name], down)
            for port in [port for port in chips if port.domain == name]:
                chips[port] = _moved(chips[port], down)
    bars = {}
    for wire, cards in topology.wires.items():
        if len(cards) > 2:
            gap = min(level[card.domain] for card in cards)
            middles = [chips[card].middle[1] for card in cards]
            bars[wire] = (ends[gap] + _GAP / 2, min(middles) - 14, max(middles) + 14)
    width = max([x - _GAP, *(bar[0] + 30 for bar in bars.values())]) + _MARGIN
    return Placing(width, height + _MARGIN, domains, chips, bars)


def _moved(box: Box, down: float) -> Box:
    return Box(box.x, box.y + down, box.width, box.height)


def _neighbours(topology: Topology) -> dict[str, dict[str, None]]:
    """Domains that a cable joins, in the order of the file."""
    found: dict[str, dict[str, None]] = {name: {} for name in topology.domains}
    for port in topology.ports:
        device = topology.device(port)
        others = [device.peer] if device.peer else topology.wires.get(device.wire, ())
        for other in (*others, *stacking.joined(port, device)):
            if other.domain != port.domain:
                found[port.domain][other.domain] = None
                found[other.domain][port.domain] = None
    return found


def _columns(topology: Topology) -> list[list[str]]:
    """Names of domains by column, left to right: the farther from the outside, the farther left."""
    joined = _neighbours(topology)
    start = [name for name, domain in topology.domains.items() if domain.outside]
    start = start or [name for name in topology.domains if any(topology.device(p).wire for p in topology.ports if p.domain == name)]
    distance: dict[str, int] = {}
    for seeds in [start, *([name] for name in topology.domains)]:
        todo = [name for name in seeds if name not in distance]
        distance |= dict.fromkeys(todo, 0)
        while todo:
            name = todo.pop(0)
            for other in joined[name]:
                if other not in distance:
                    distance[other] = distance[name] + 1
                    todo.append(other)
    deepest = max(distance.values(), default=0)
    columns: list[list[str]] = [[] for _ in range(deepest + 1)]
    for name in topology.domains:
        columns[deepest - distance[name]].append(name)
    row = {name: float(place) for names in columns for place, name in enumerate(names)}
    for names in reversed(columns):
        # Neighbours side by side: fewer lines cross.
        names.sort(key=lambda name: (_mean([row[other] for other in joined[name] if other not in names], row[name]), row[name]))
        row |= {name: float(place) for place, name in enumerate(names)}
    return [names for names in columns if names]


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _sides(topology: Topology, domain: Domain, level: Mapping[str, int]) -> tuple[list[Port], list[Port], list[Port]]:
    """The ports of a domain that face left, stay inside, face right."""
    sides: tuple[list[Port], list[Port], list[Port]] = ([], [], [])
    here = level[domain.name]
    for name, device in domain.devices.items():
        port = Port(domain.name, name)
        others = [device.peer] if device.peer else [p for p in topology.wires.get(device.wire, ()) if p.domain != domain.name]
        levels = [level[other.domain] for other in others if other.domain != domain.name]
        if levels and device.kind is not DeviceKind.BRIDGE:
            sides[0 if max(levels) < here else 2].append(port)
        elif device.wire and not device.peer:
            sides[2].append(port)
        else:
            sides[1].append(port)
    return sides

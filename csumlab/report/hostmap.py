"""The host as a picture: domains as boxes, devices as ports, bridges, cables and wires, and on it the way of a packet."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from itertools import pairwise

from csumlab.report.placing import Box, Placing, place
from csumlab.report.signs import Sign, draw_sign
from csumlab.report.svg import Drawing, clipped
from csumlab.report.ways import Station
from csumlab.topology import stacking
from csumlab.topology.model import Device, DeviceKind, Port, Topology
from csumlab.topology.presets import PRESETS

_NAME_LETTERS, _DOMAIN_LETTERS = 15, 22


def style_sheet() -> str:
    """The colours and lines of all drawings, light and dark."""
    return files("csumlab.report").joinpath("templates", "drawings.css").read_text(encoding="utf-8")


def draw_host(
    topology: Topology, *ways: Sequence[Station], at: str = "", prefix: str = "host", style: bool = True, title: str = "The host"
) -> str:
    """The host as one SVG element, with the ways of packets on it if any are given (:func:`csumlab.report.ways.stations`).

    Of several ways the first shows; the others are layers of class ``csl-off``, for a page to choose among by ``data-way``. ``at`` is the
    port the capture was taken at, ``prefix`` has to differ between drawings of one page, ``style`` puts the style sheet into the drawing,
    so that it can stand alone. Names of a topology are text, never markup.
    """
    placing = place(topology)
    drawing = Drawing(title, describe_host(topology), prefix)
    for name, box in placing.domains.items():
        domain = topology.domains[name]
        kind = "outside" if domain.outside else PRESETS[domain.preset].title
        with drawing.group(title=f"{name}: {kind}", class_="csl-domain csl-outside" if domain.outside else "csl-domain"):
            drawing.add("rect", x=box.x, y=box.y, width=box.width, height=box.height, rx=10)
            drawing.add("text", clipped(name, _DOMAIN_LETTERS), x=box.x + 14, y=box.y + 20, class_="csl-name")
            drawing.add(
                "text", clipped(_about(topology, name, kind), int(box.width / 6.4) - 3), x=box.x + 14, y=box.y + 35, class_="csl-small"
            )
    _cables(drawing, topology, placing)
    for number, way in enumerate(ways):
        with drawing.group(class_="csl-layer csl-off" if number else "csl-layer", data_way=number):
            _way(drawing, topology, placing, way)
    tap = at.removesuffix(":in").removesuffix(":out")
    for port, box in placing.chips.items():
        _chip(drawing, port, topology.device(port), box, str(port) == tap)
    for number, way in enumerate(ways):
        with drawing.group(class_="csl-layer csl-off" if number else "csl-layer", data_way=number):
            _badges(drawing, placing, way)
    return drawing.svg(placing.width, placing.height, style_sheet() if style else "")


def describe_host(topology: Topology) -> str:
    """The host in words, for who cannot see the picture."""
    sentences = []
    for name, domain in topology.domains.items():
        devices = ", ".join(f"{device.name} ({_kind_words(device)})" for device in domain.devices.values())
        sentences.append(f"{name}{' is the outside world and' if domain.outside else ''} has {devices or 'no device'}.")
    return " ".join(sentences)


def _kind_words(device: Device) -> str:
    words = device.kind.value
    if device.peer:
        words += f", joined to {device.peer}"
    if device.wire:
        words += f", on wire {device.wire}"
    if device.bridge:
        words += f", port of bridge {device.bridge}"
    if device.lower:
        words += f" on {device.lower}"
    if device.mode:
        words += f", mode {device.mode}"
    if device.bond:
        words += f", port of {device.bond}"
    return words


def _about(topology: Topology, name: str, kind: str) -> str:
    domain = topology.domains[name]
    words = [kind if not domain.outside else "everybody else"]
    words += ["routes"] if domain.forwarding else []
    words += ["translates"] if domain.nat else []
    return ", ".join(words)


def _cables(drawing: Drawing, topology: Topology, placing: Placing) -> None:
    done: set[frozenset[Port]] = set()
    for port, box in placing.chips.items():
        device = topology.device(port)
        if device.bridge:
            bridge = placing.chips.get(Port(port.domain, device.bridge))
            if bridge is not None:
                drawing.add("path", d=_line(box, bridge), class_="csl-member")
        for beneath in stacking.joined(port, device):
            if beneath in placing.chips:
                drawing.add("path", d=_line(box, placing.chips[beneath]), class_="csl-member")
        if device.peer and frozenset((port, device.peer)) not in done:
            done.add(frozenset((port, device.peer)))
            drawing.add("path", d=_line(box, placing.chips[device.peer]), class_="csl-cable")
    for wire, ports in topology.wires.items():
        if wire in placing.bars:
            x, top, bottom = placing.bars[wire]
            drawing.add("line", x1=x, x2=x, y1=top, y2=bottom, class_="csl-wire csl-bar")
            drawing.add("text", clipped(wire, 10), x=x, y=top - 6, class_="csl-small csl-middle")
            for port in ports:
                box = placing.chips[port]
                drawing.add("path", d=f"M{_facing(box, x):.1f} {box.middle[1]:.1f}H{x:.1f}", class_="csl-wire")
        elif len(ports) == 2:
            one, other = (placing.chips[port] for port in ports)
            drawing.add("path", d=_line(one, other), class_="csl-wire")
            x, y = (_facing(one, other.middle[0]) + _facing(other, one.middle[0])) / 2, (one.middle[1] + other.middle[1]) / 2
            drawing.add("text", clipped(wire, 10), x=x, y=y - 7, class_="csl-small csl-middle")


def _facing(box: Box, x: float) -> float:
    """The x of the side of a box that looks towards ``x``."""
    return box.x + box.width if x > box.middle[0] else box.x


def _line(one: Box, other: Box) -> str:
    """From side to side, level at both ends; around on the right if both stand in one column."""
    if abs(one.middle[0] - other.middle[0]) < one.width:
        if abs(one.middle[1] - other.middle[1]) < one.height * 1.6:
            upper, lower = sorted((one, other), key=lambda box: box.y)
            return f"M{upper.middle[0]:.1f} {upper.y + upper.height:.1f}V{lower.y:.1f}"
        right = max(one.x + one.width, other.x + other.width)
        return _curve(right, one.middle[1], right, other.middle[1], 34, 34)
    x1, x2 = _facing(one, other.middle[0]), _facing(other, one.middle[0])
    return _curve(x1, one.middle[1], x2, other.middle[1], (x2 - x1) / 2, (x1 - x2) / 2)


def _curve(x1: float, y1: float, x2: float, y2: float, bend1: float, bend2: float) -> str:
    return f"M{x1:.1f} {y1:.1f}C{x1 + bend1:.1f} {y1:.1f} {x2 + bend2:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"


def _chip(drawing: Drawing, port: Port, device: Device, box: Box, tap: bool) -> None:
    settings = [f"{name} {'on' if on else 'off'}" for name, on in sorted(device.features.items())]
    title = f"{port}: {_kind_words(device)}" + "".join(f"; {text}" for text in (*device.addresses, *settings))
    bridge = device.kind is DeviceKind.BRIDGE
    with drawing.group(title=title, class_=f"csl-chip{' csl-bridge' if bridge else ''}{' csl-tap' if tap else ''}"):
        drawing.add("rect", x=box.x, y=box.y, width=box.width, height=box.height, rx=20 if bridge else 5)
        x, y = box.middle
        drawing.add("text", clipped(device.name, _NAME_LETTERS), x=x, y=y - 1, class_="csl-name csl-middle")
        off = [name for name, on in device.features.items() if not on and name.startswith("tx")]
        words = device.kind.value + (", tx off" if off else "")
        drawing.add("text", words, x=x, y=y + 13, class_="csl-small csl-middle")
        if tap:
            drawing.add("text", "captured here", x=x, y=box.y + box.height + 11, class_="csl-small csl-middle csl-strong")


def _placed(placing: Placing, way: Sequence[Station]) -> list[tuple[Station, Box]]:
    names = {str(port): box for port, box in placing.chips.items()}
    return [(station, names[station.place]) for station in way if station.place in names]


def _way(drawing: Drawing, topology: Topology, placing: Placing, way: Sequence[Station]) -> None:
    """A line from station to station, in the colour and pattern of what the packet holds as it leaves the first."""
    placed = _placed(placing, way)
    bars = {placing.chips[port]: placing.bars[wire][0] for wire in placing.bars for port in topology.wires[wire]}
    for (station, one), (_, other) in pairwise(placed):
        if one in bars and bars[one] == bars.get(other):
            d = f"M{_facing(one, bars[one]):.1f} {one.middle[1]:.1f}H{bars[one]:.1f}V{other.middle[1]:.1f}H{_facing(other, bars[one]):.1f}"
        else:
            d = _line(one, other)
        drawing.add("path", d=d, class_="csl-halo")
        drawing.add("path", d=d, class_=f"csl-way {station.sign.css}")


def _badges(drawing: Drawing, placing: Placing, way: Sequence[Station]) -> None:
    """At every station the number of its step, and the sign of what leaves it."""
    times: dict[Box, int] = {}
    before: Sign | None = None
    for number, (station, box) in enumerate(_placed(placing, way), 1):
        again = times[box] = times.get(box, 0) + 1
        x = box.x + box.width - 4 - 40 * (again - 1)
        drawing.add(
            "rect",
            x=x - 28,
            y=box.y - 9,
            width=38,
            height=18,
            rx=9,
            class_=f"csl-step{' csl-turn' if before and station.sign is not before else ''}",
        )
        drawing.add("text", str(number), x=x - 17, y=box.y + 4, class_="csl-small csl-middle csl-strong")
        draw_sign(drawing, station.sign, x, box.y)
        before = station.sign

"""The way of one packet as a picture: a line from its sender to its end, a station a place, and the sign of each checksum."""

from __future__ import annotations

from csumlab.explain import Explanation
from csumlab.report.hostmap import style_sheet
from csumlab.report.signs import draw_sign
from csumlab.report.svg import Drawing, clipped
from csumlab.report.ways import Station, stations

_ROW, _HEAD, _LINE, _TEXT = 46.0, 30.0, 40.0, 200.0
_WIDTH = 760.0


def draw_path(explanation: Explanation, *, prefix: str = "path", style: bool = True) -> str:
    """The way of a packet as one SVG element: stations from top to bottom in the boxes of their domains, at each the signs of the
    checksums as the packet leaves it, the carried state, and what happened there. ``prefix`` and ``style`` as for ``draw_host``."""
    way = stations(explanation)
    drawing = Drawing(f"The way of packet {explanation.number}", describe_path(explanation), prefix)
    y = 8.0
    middles: list[float] = []
    runs: list[tuple[str, list[Station]]] = []
    for station in way:
        if runs and runs[-1][0] == station.domain:
            runs[-1][1].append(station)
        else:
            runs.append((station.domain, [station]))
    boxes = []
    for domain, members in runs:
        height = _HEAD + len(members) * _ROW
        boxes.append((domain, y, height))
        middles += [y + _HEAD + (place + 0.5) * _ROW - 6 for place in range(len(members))]
        y += height + 14
    for domain, top, height in boxes:
        with drawing.group(class_="csl-domain"):
            drawing.add("rect", x=8, y=top, width=_WIDTH - 16, height=height, rx=10)
            drawing.add("text", clipped(domain, 40), x=70, y=top + 19, class_="csl-name")
    for place, station in enumerate(way[:-1]):
        line = f"M{_LINE} {middles[place]:.1f}V{middles[place + 1]:.1f}"
        drawing.add("path", d=line, class_=f"csl-way {station.sign.css}")
    for station, middle in zip(way, middles, strict=True):
        _station(drawing, station, middle)
    end = f"{explanation.trace.fate.value}: {explanation.trace.why}"
    drawing.add("text", clipped(end, 100), x=70, y=y + 12, class_="csl-name")
    return drawing.svg(_WIDTH, y + 24, style_sheet() if style else "")


def describe_path(explanation: Explanation) -> str:
    """The way in words."""
    steps = []
    for station in stations(explanation):
        sums = ", ".join(f"{label} {sign.value}" for label, sign in station.signs)
        steps.append(f"{station.place}: {sums or 'no checksum'}; carried: {station.state}")
    return ". ".join([*steps, f"{explanation.trace.fate.value}: {explanation.trace.why}"])


def _station(drawing: Drawing, station: Station, y: float) -> None:
    draw_sign(drawing, station.sign, _LINE, y)
    name = (station.device or station.place) + ("   (captured here)" if station.tap else "")
    drawing.add("text", clipped(name, 32), x=70, y=y - 3, class_="csl-name" + (" csl-strong" if station.tap else ""))
    drawing.add("text", clipped(station.state, 34), x=70, y=y + 13, class_="csl-small")
    x = 320.0
    for label, sign in station.signs[-5:]:
        draw_sign(drawing, sign, x, y - 7)
        drawing.add("text", clipped(label, 12), x=x + 13, y=y - 3, class_="csl-small")
        x += 36 + 6.6 * min(len(label), 12)
    if station.said:
        words = station.said[0]
        with drawing.group(title=" / ".join(station.said)):
            drawing.add("text", clipped(words, 78), x=312, y=y + 13, class_="csl-small")

"""A small writer of SVG: every text and attribute escaped, nothing but shapes, text and groups. No script, no link, no inline style."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape

from csumlab.report.table import printable


def clipped(text: str, letters: int) -> str:
    """``text`` safe to show and at most ``letters`` long, its middle left out if it is longer."""
    text = printable(text)
    if len(text) <= letters:
        return text
    return text[: letters - letters // 3 - 1] + "…" + text[len(text) - letters // 3 :]


class Drawing:
    """Shapes in the order they are added. ``title`` and ``description`` are what a screen reader says; ``prefix`` makes ids unique on a
    page with several drawings."""

    def __init__(self, title: str, description: str, prefix: str) -> None:
        self.title, self.description, self.prefix = title, description, prefix
        self.parts: list[str] = []

    def add(self, tag: str, text: str | None = None, **attributes: object) -> None:
        """One element; ``class_`` is class, other underscores are hyphens. Attributes that are None are left out."""
        head = f"<{tag}{_attributes(attributes)}"
        self.parts.append(f"{head}/>" if text is None else f"{head}>{escape(printable(text))}</{tag}>")

    @contextmanager
    def group(self, title: str = "", **attributes: object) -> Iterator[None]:
        """A group; its ``title`` is what a pointer shows."""
        self.parts.append(f"<g{_attributes(attributes)}>")
        if title:
            self.add("title", title)
        yield
        self.parts.append("</g>")

    def svg(self, width: float, height: float, style: str = "") -> str:
        """The whole drawing. ``style`` is a style sheet for one that stands alone."""
        names = f"{self.prefix}-t {self.prefix}-d"
        head = _attributes(
            {
                "class_": "csl-drawing",
                "viewBox": f"0 0 {_number(width)} {_number(height)}",
                "width": width,
                "height": height,
                "role": "img",
                "aria_labelledby": names,
                "xmlns": "http://www.w3.org/2000/svg",
            }
        )
        inside = f'<title id="{self.prefix}-t">{escape(printable(self.title))}</title>'
        inside += f'<desc id="{self.prefix}-d">{escape(printable(self.description))}</desc>'
        return f"<svg{head}>{inside}{f'<style>{style}</style>' if style else ''}{''.join(self.parts)}</svg>"


def _attributes(attributes: dict[str, object]) -> str:
    words = []
    for name, value in attributes.items():
        if value is not None:
            text = _number(value) if isinstance(value, int | float) else printable(str(value))
            words.append(f' {name.rstrip("_").replace("_", "-")}="{escape(text)}"')
    return "".join(words)


def _number(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")

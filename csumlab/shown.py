"""How values are shown: in an interactive session their ``str()``, never the whole of their fields; numbers of things."""

from __future__ import annotations

from typing import Any


class Shown:
    """A base for values that a person looks at (dataclasses with ``repr=False``). Pages have ``_repr_html_`` besides."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {str(self).partition(chr(10))[0]}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """The hook of IPython.lib.pretty; ``cycle`` cannot be, these values hold no others of their kind."""
        printer.text(str(self))


def counted(number: int, noun: str) -> str:
    """Such as ``1 packet`` and ``1,200 packets``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"

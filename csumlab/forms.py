"""Linear forms over named per-packet quantities, modulo 0xffff: the values that a class is walked with.

A form such as ``P(udp) + 2·source - 1`` stands for one number per packet. Symbols either have a column (a quantity that the capture
holds for every packet), or none, with the reason why it cannot be known. A form is known exactly when its unknown symbols cancel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import gcd

from csumlab.inet import MODULUS


@dataclass(frozen=True, slots=True, order=True)
class Symbol:
    """One per-packet quantity.

    ``name`` is what a person reads and is unique within a walk. ``column`` says where its numbers are found: a tuple that
    ``evaluate.py`` understands, or () if there are none, and then ``unknown`` is the reason, a clause that follows "because".
    ``nonzero`` says that every packet of the class has a value other than 0, ``spread`` that nothing prefers one value to another: a form
    that holds it counts as other than 0, as it is but for one packet in tens of thousands. ``damage`` marks the hypothetical error of a
    fault.
    """

    name: str
    column: tuple[str, int, int] | tuple[()] = ()
    unknown: str = ""
    nonzero: bool = False
    spread: bool = False
    damage: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """``constant`` plus the sum of coefficient times symbol; normalised: coefficients 1..65534, symbols in order."""

    constant: int = 0
    terms: tuple[tuple[Symbol, int], ...] = ()

    def __add__(self, other: Form | int) -> Form:
        if isinstance(other, int):
            return Form((self.constant + other) % MODULUS, self.terms)
        if not other.terms:
            return Form((self.constant + other.constant) % MODULUS, self.terms)
        total = dict(self.terms)
        for symbol, coefficient in other.terms:
            total[symbol] = (total.get(symbol, 0) + coefficient) % MODULUS
        terms = tuple(sorted((s, c) for s, c in total.items() if c))
        return Form((self.constant + other.constant) % MODULUS, terms)

    def __neg__(self) -> Form:
        return self * -1

    def __sub__(self, other: Form | int) -> Form:
        return self + (-other if isinstance(other, int) else other * -1)

    def __mul__(self, factor: int) -> Form:
        terms = tuple((s, c * factor % MODULUS) for s, c in self.terms if c * factor % MODULUS)
        return Form(self.constant * factor % MODULUS, terms)

    __radd__ = __add__
    __rmul__ = __mul__

    @property
    def unknowns(self) -> tuple[Symbol, ...]:
        """The symbols without a column that did not cancel (damage is not one: it is a hypothesis)."""
        return tuple(s for s, _ in self.terms if not s.column and not s.damage)

    @property
    def damaged(self) -> bool:
        """Whether the hypothetical error shows in this form."""
        return any(s.damage for s, _ in self.terms)

    def substitute(self, known: Mapping[Symbol, Form]) -> Form:
        """The form with symbols replaced by what they are known to be."""
        total = Form(self.constant)
        for symbol, coefficient in self.terms:
            total = total + (known[symbol] if symbol in known else of(symbol)) * coefficient
        return total

    def is_zero(self) -> bool | None:
        """True or False where the class decides it, None where it differs from packet to packet or cannot be known.

        A damage symbol is generic, and so is one whose values are spread: a form that holds it is not zero.
        """
        if any(symbol.damage or symbol.spread for symbol, _ in self.terms):
            return False
        if not self.terms:
            return self.constant == 0
        if len(self.terms) == 1 and self.constant == 0:
            symbol, coefficient = self.terms[0]
            if symbol.nonzero and gcd(coefficient, MODULUS) == 1:
                return False
        return None

    def __str__(self) -> str:
        parts: list[str] = []
        for symbol, coefficient in self.terms:
            signed = coefficient if coefficient <= MODULUS // 2 else coefficient - MODULUS
            times = "" if abs(signed) == 1 else f"{abs(signed)}·"
            sign = "-" if signed < 0 else "+" if parts else ""
            parts.append(f"{sign}{times}{symbol.name}")
        if self.constant or not parts:
            signed = self.constant if self.constant <= MODULUS // 2 else self.constant - MODULUS
            parts.append(f"{'-' if signed < 0 else '+' if parts else ''}{abs(signed):#06x}")
        return " ".join(parts)


ZERO = Form()


def of(symbol: Symbol) -> Form:
    """The form that is just ``symbol``."""
    return Form(0, ((symbol, 1),))


def unknown(name: str, because: str, spread: bool = False) -> Form:
    """A quantity that no column holds; ``because`` says why."""
    return of(Symbol(name, unknown=because, spread=spread))

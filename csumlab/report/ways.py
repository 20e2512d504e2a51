"""Ways: what packets pass between their origin and their end, as stations with a sign for each checksum. Drawings and tables rest on it."""

from __future__ import annotations

from dataclasses import dataclass

from csumlab.explain import Explanation, View
from csumlab.report.signs import Sign, sign_of, worst
from csumlab.state import Claim
from csumlab.trace import TAP

_RANK = {Claim.MUST_COMPUTE: 2, Claim.VERIFIED: 1, Claim.UNCHECKED: 0}


@dataclass(frozen=True, slots=True)
class Station:
    """A place on a way. ``place`` is ``domain:device`` or a domain, ``signs`` the checksums as the packet leaves it, outermost first,
    ``state`` what is carried then and ``claim`` what that says of the transport sum ("" nothing). ``said`` are the sentences of the rows
    that changed something here, the one that tells most first, ``hops`` the indexes of its hops. ``tap`` says that the capture was taken
    here."""

    place: str
    domain: str
    signs: tuple[tuple[str, Sign], ...]
    state: str
    claim: str
    said: tuple[str, ...]
    hops: tuple[int, ...]
    tap: bool

    @property
    def sign(self) -> Sign:
        """The worst of its checksums."""
        return worst(sign for _, sign in self.signs)

    @property
    def device(self) -> str:
        return self.place.partition(":")[2]


def stations(explanation: Explanation) -> tuple[Station, ...]:
    """The way of one packet by places: hops at the same port are one station."""
    groups: list[list[int]] = []
    places: list[str] = []
    for number, view in enumerate(explanation.views):
        place = view.hop.port or view.hop.domain
        if places and places[-1] == place:
            groups[-1].append(number)
        else:
            places.append(place)
            groups.append([number])
    return tuple(_station(place, numbers, explanation.views) for place, numbers in zip(places, groups, strict=True))


def changes(view: View) -> bool:
    """Whether a hop changed a checksum or what is carried."""
    hop = view.hop
    held = [[(field.label, field.value, field.verdict) for field in fields] for fields in (view.before, view.after)]
    return hop.stage is not TAP and (hop.state_before != hop.state_after or held[0] != held[1])


def _worsens(view: View) -> bool:
    """Whether a hop leaves the checksums in a worse state than it found them in."""
    order = list(Sign)
    before, after = (worst(sign_of(field) for field in fields) for fields in (view.before, view.after))
    return after in (Sign.WRONG, Sign.LOST) and order.index(after) < order.index(before)


def _station(place: str, numbers: list[int], views: tuple[View, ...]) -> Station:
    last = views[numbers[-1]]
    # The step that made something worse is what a reader wants to know of a place first.
    worse = [views[number].hop.because for number in numbers if _worsens(views[number])]
    claims = [field.claim for field in last.after if field.claim is not None]
    claim = max(claims, key=lambda one: _RANK[one], default=None)
    said = dict.fromkeys([*worse, *(views[number].hop.because for number in reversed(numbers) if changes(views[number]))])
    return Station(
        place=place,
        domain=last.hop.domain,
        signs=tuple((field.label, sign_of(field)) for field in last.after),
        state=str(last.hop.state_after),
        claim=claim.value if claim else "",
        said=tuple(said),
        hops=tuple(numbers),
        tap=any(views[number].is_tap for number in numbers),
    )

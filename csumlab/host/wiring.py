"""Which ends of veth pairs belong together, and what a device sits on, in one place or across network namespaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from csumlab.host.links import Link
from csumlab.host.places import Place


class End(NamedTuple):
    """A device of a place, by the place's key and the device's name."""

    place: str
    name: str


def veth_pairs(places: Sequence[Place], own_names: Sequence[str]) -> Mapping[End, End]:
    """Both directions of every pair whose two ends are in the dump. ``own_names`` are the names under which this host's own namespace is
    known to others. An end is a name in its own place, or an index in a namespace that has a number, or the only one whose index and
    peer's index fit both ways."""
    by_key = {place.key: place for place in places}
    veths = {(place.key, link.index): link for place in places for link in place.links if link.kind == "veth"}
    found: dict[End, End] = {}

    def join(place: str, link: Link, other_place: str, other: Link) -> None:
        one, two = End(place, link.name), End(other_place, other.name)
        if one != two and one not in found and two not in found:
            found[one], found[two] = two, one

    for place in places:
        for link in place.links:
            other = place.link(link.lower) if link.kind == "veth" and link.lower else None
            if other is not None and other.kind == "veth":
                join(place.key, link, place.key, other)
    open_ends = [(key, link) for (key, _), link in veths.items() if End(key, link.name) not in found and link.peer]
    for key, link in open_ends:
        name = link.beyond_name or by_key[key].namespaces.get(link.beyond, "")
        target = "here" if name in own_names else f"netns:{name}"
        other = veths.get((target, link.peer)) if name else None
        if other is not None and other.peer in (0, link.index):
            join(key, link, target, other)

    def fitting(key: str, link: Link) -> list[tuple[str, Link]]:
        """Ends elsewhere whose index and peer's index fit."""
        return [
            (there, other)
            for there, other in open_ends
            if there != key and other.index == link.peer and other.peer == link.index and End(there, other.name) not in found
        ]

    for key, link in open_ends:
        ends = fitting(key, link)
        if len(ends) == 1 and len(fitting(*ends[0])) == 1:
            join(key, link, *ends[0])
    return found


def device_below(place: Place, link: Link, places: Sequence[Place], own_names: Sequence[str]) -> End | None:
    """What a macvlan or ipvlan sits on: a name in its own place, or an index in a namespace that has a number, or the only other place that
    has a device with this index which may be shared. ``own_names`` as for :func:`veth_pairs`."""
    if link.lower:
        return End(place.key, link.lower)
    name = link.beyond_name or place.namespaces.get(link.beyond, "")
    target = ("here" if name in own_names else f"netns:{name}") if name else ""
    found = [
        End(other.key, one.name)
        for other in places
        if other.key != place.key and target in ("", other.key)
        for one in other.links
        if one.index == link.peer and one.kind not in ("macvlan", "ipvlan", "tun") and not one.loopback
    ]
    return found[0] if link.peer and len(found) == 1 else None

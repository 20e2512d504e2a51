"""A dump as a topology: text that :func:`csumlab.topology.load.parse_topology` reads, with what is known and what is a default."""

from __future__ import annotations

from dataclasses import dataclass, replace

from csumlab.host.building import Work, build
from csumlab.host.dump import HERE, Dump, DumpError, Notes, plain
from csumlab.host.hosting import add_guests
from csumlab.host.places import Place, read_place
from csumlab.host.routing import add_routes, add_settings
from csumlab.host.tunnels import add_transformations
from csumlab.host.written import annotated
from csumlab.replaying import tap_of
from csumlab.topology.load import TopologyError, parse_topology
from csumlab.topology.model import Topology

_TOLD = ("ip-link", "ip-addr", "ip-route", "ethtool-k", "own-names", "xenstore", "ovs")
"""Sections whose absence matters to every topology; what is missed by that of the others is said where it is missed."""


@dataclass(frozen=True)
class Loaded:
    """``text`` is the TOML, ``topology`` what it says, ``warnings`` what of the dump is not in it or only approximately."""

    text: str
    topology: Topology
    warnings: tuple[str, ...]


def load_host(dump: Dump, *, name: str = "", at: str = "") -> Loaded:
    """Make a topology of a dump. ``name``: what this host is called in it; "" for dom0 or host. ``at``: where captures are taken. Raises
    DumpError if there is no host in the dump, ValueError if ``at`` names none of its ports."""
    notes = Notes()
    if not dump.complete:
        notes.warn(f"{dump.name}: the dump ends early: its last line, %end, is not there")
    for section in dump.sections.values():
        for remark in section.notes if section.name in _TOLD else ():
            notes.warn(f"{section.title}: {remark}")
    places = [read_place(dump, HERE, notes)]
    for key in dump.places[1:]:
        try:
            places.append(read_place(dump, key, notes))
        except DumpError as error:
            notes.warn(f"{error}; this network namespace is left out")
    work = build(dump, places, notes, name)
    add_guests(work)
    for place in places:
        if place.key in work.domain_of:
            _rest(work, place)
    for empty in [draft.name for draft in work.drafts.values() if not draft.devices]:
        del work.drafts[empty]
        notes.warn(f"{empty} is left out: it has no device that is modelled")
    if not work.drafts:
        raise DumpError(dump.name, "no device that is modelled: there is nothing to make a topology of")
    return _written(work, at)


def _rest(work: Work, place: Place) -> None:
    draft = work.drafts[work.domain_of[place.key]]
    add_transformations(draft, place, work.notes)
    add_routes(work, draft, place)
    add_settings(work, draft, place)


def _written(work: Work, at: str) -> Loaded:
    """The text, read back. A port that would close a loop of bridges is unplugged: the kernel's spanning tree does no less."""
    drafts = list(work.drafts.values())
    release = work.dump.section("uname").text.split()
    title = plain(" ".join(release[:3])) or "a host"
    while True:
        head = _head(work, title)
        text = annotated(drafts, title, "", head, work.tail)
        try:
            topology = parse_topology(text, "the topology made of " + work.dump.name)
        except TopologyError as error:
            parts = error.key.split(".", 3)
            draft = work.drafts.get(parts[1]) if len(parts) == 4 else None
            if draft is None or "closes a loop" not in error.problem or not draft.devices[parts[3]].bridge:
                raise DumpError(work.dump.name, f"no topology can be made of it: {error}") from None
            work.notes.warn(f"{draft.name}:{parts[3]}: taken out of {draft.devices[parts[3]].bridge}, as it closes a loop of bridges")
            draft.devices[parts[3]] = replace(draft.devices[parts[3]], bridge="")
            continue
        if at:
            tap_of(topology, at)
            text = annotated(drafts, title, at, head, work.tail)
            topology = parse_topology(text)
        return Loaded(text, topology, tuple(work.notes.warnings))


def _head(work: Work, title: str) -> list[str]:
    return [
        f"Made from a dump of {title} by csumlab host load.",
        "Marked 'default' is what the dump does not say; all else is from it. hw-enc-checksum and vlan-checksum, which ethtool",
        "does not show, are always the preset's defaults. Link-local IPv6 addresses are left out.",
        *(f"warning: {warning}" for warning in work.notes.warnings),
        "",
    ]

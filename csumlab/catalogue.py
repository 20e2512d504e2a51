"""Documented checksum-offload bugs, and set-ups that tell behaviours apart: catalogue.toml read and validated; docs/bugs.md is its text.

An entry is shown by scenario folders, or lacks a part of the model, or lies outside of what a checksum model can say; never two of these.
Nothing that decides about packets may read this: what a bug does follows from stages, presets and settings, or it is not there.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from csumlab.words import advice, nearest

MISSING = ("stage not modelled: ", "preset not modelled: ", "erratum not modelled: ")
"""How a reason for ``missing`` begins; what follows are names with "; " between them."""
STAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "bond": (),
    "bpf": (),
    "bridge": ("br_netfilter",),
    "conntrack": ("tracking", "helper"),
    "decapsulate": ("tunnel",),
    "dsa": (),
    "encapsulate": ("tunnel",),
    "forward": ("router", "routing", "segment-routing"),
    "fragments": ("fragmentation", "reassembly"),
    "gro": ("lro", "merging"),
    "gso": ("segmentation", "tso", "uso", "ufo"),
    "ipsec": ("esp", "xfrm"),
    "ipvlan": (),
    "macvlan": ("macvtap",),
    "nat": ("masquerade", "ipvs", "nat64", "flowtable"),
    "nfqueue": (),
    "nic-receive": ("card", "rx"),
    "nic-transmit": ("card", "tx", "egress"),
    "openvswitch": ("ovs",),
    "packet-socket": ("af_packet", "pcap"),
    "program": ("userspace", "dpdk"),
    "ptp": (),
    "socket": ("receive", "sender", "raw"),
    "tap": ("tun", "macvtap", "vhost"),
    "tc": ("act_csum", "pedit", "netem", "mirred"),
    "veth": ("container",),
    "vif": ("netfront", "netback", "xen", "ring", "slots"),
    "virtio": ("vhost",),
    "vlan": ("802.1q",),
    "vpn": ("wireguard", "openvpn"),
    "xdp": (),
}
"""Where in a host things go wrong, coarser than the tables of csumlab/stages, and by which other words each is found: ``vif`` is all of a
Xen ring, ``program`` any program that sends or reads frames."""


_STEM: Final = 4
"""Letters of a word that make it the same whatever its ending: rejected, reject."""


class Outcome(Enum):
    """What it did to somebody. The value is what a person reads and types."""

    REJECT = "wrong reject"
    ACCEPT = "wrong accept"
    LAUNDER = "laundering"
    CORRUPT = "corruption"
    DROP = "drop"
    CAPTURE = "capture only"
    NOISE = "log noise"
    SLOW = "performance"
    CRASH = "crash"


class CatalogueError(Exception):
    """A catalogue that cannot be used; ``str()`` names the entry and what is wrong with it."""


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One bug or set-up. ``outcome``: the worst it did first. ``scenario``, ``missing``, ``outside``: exactly one is given. ``fixed`` are
    folders that show how it ends where it is mended, if the folders of ``scenario`` offer no cure, or also for a bug that is missing.
    ``remark``: where what is shown differs from what is told elsewhere, and why."""

    id: str
    slug: str
    title: str
    summary: str
    outcome: tuple[Outcome, ...]
    stages: tuple[str, ...]
    component: str = ""
    versions: str = ""
    references: tuple[str, ...] = ()
    scenario: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    missing: str = ""
    outside: str = ""
    remark: str = ""

    @property
    def status(self) -> str:
        """ "scenario", "missing" or "outside"."""
        return "scenario" if self.scenario else "missing" if self.missing else "outside"

    @property
    def reason(self) -> str:
        """Why there is no scenario; "" if there is one."""
        return self.missing or self.outside

    @property
    def folders(self) -> tuple[str, ...]:
        """Every folder of captures/ that belongs to the entry."""
        return self.scenario + self.fixed

    def matches(self, text: str = "", stage: str = "", outcome: str = "") -> bool:
        """Whether every word of ``text`` stands somewhere in the entry, and ``stage`` and ``outcome``, where given, find one of its."""
        said = " ".join((self.id, self.slug, self.title, self.summary, self.component, self.versions, *self.folders, *self.references))
        return (
            all(word in said.lower() for word in text.lower().split())
            and (not stage or not stages_called(stage).isdisjoint(self.stages))
            and (not outcome or not outcomes_called(outcome).isdisjoint(self.outcome))
        )


def stages_called(word: str) -> frozenset[str]:
    """The stages with this name, a part of it, or the beginning of another word for them; none if there are none."""
    wanted = word.lower()
    if wanted in STAGES:
        return frozenset({wanted})
    return frozenset(stage for stage, others in STAGES.items() if wanted in stage or any(one.startswith(wanted) for one in others))


def outcomes_called(words: str) -> frozenset[Outcome]:
    """The outcomes that each of the words belongs to, whatever its ending: "laundered" and "wrongly rejected" find what is meant."""
    stems = [word[:_STEM] for word in words.lower().split()]
    return frozenset(one for one in Outcome if all(any(part.startswith(stem) for part in one.value.split()) for stem in stems))


class Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``bug``: documented ones, by their number in the catalogue of bugs. ``setup``: what separates two behaviours."""

    bug: tuple[Entry, ...]
    setup: tuple[Entry, ...] = ()

    def __iter__(self) -> Iterator[Entry]:
        yield from self.bug
        yield from self.setup

    def find(self, name: str) -> Entry | None:
        """The entry with this id or slug, in any case."""
        wanted = name.lower()
        return next((entry for entry in self if wanted in (entry.id.lower(), entry.slug)), None)

    def near(self, name: str) -> tuple[str, ...]:
        """The ids, slugs or folders that ``name`` may be a slip of."""
        return nearest(name, (word for entry in self for word in (entry.id, entry.slug, *entry.folders)), 2)


@cache
def catalogue() -> Catalogue:
    """The shipped catalogue."""
    return parse_catalogue((files("csumlab") / "catalogue.toml").read_text(encoding="utf-8"))


def parse_catalogue(text: str) -> Catalogue:
    """A catalogue from TOML text. Raises CatalogueError."""
    try:
        found = msgspec.convert(tomllib.loads(text), Catalogue)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise CatalogueError(str(error)) from None
    seen: set[str] = set()
    for entry in found:
        for problem in _problems(entry, seen):
            raise CatalogueError(f"{entry.id} {entry.slug}: {problem}")
    return found


def _problems(entry: Entry, seen: set[str]) -> Iterator[str]:
    for name in (entry.id.lower(), entry.slug):
        if name in seen:
            yield f"{name} is there twice"
        seen.add(name)
    if sum(map(bool, (entry.scenario, entry.missing, entry.outside))) != 1:
        yield "give exactly one of scenario, missing, outside"
    if entry.fixed and entry.outside:
        yield "what is outside has no folders"
    if entry.missing and not entry.missing.startswith(MISSING):
        yield f"missing begins with one of: {', '.join(map(repr, MISSING))}"
    if not entry.outcome or not entry.stages:
        yield "needs an outcome and a stage"
    for stage in entry.stages:
        if stage not in STAGES:
            yield f"unknown stage {stage!r}; {advice(stage, STAGES)}"

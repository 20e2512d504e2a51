"""A topology under construction with a remark on everything in it, and its TOML with the remarks as comments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from csumlab.topology.model import Device, Domain, Topology
from csumlab.topology.presets.versions import lacking
from csumlab.topology.rules import Copy, Edit, Local, Nat, Route
from csumlab.topology.written import to_toml

_BACKPORTED = "it is there, although Linux of this version has none"


@dataclass
class Draft:
    """One domain. ``above`` are comments on the domain, ``key_notes`` stand beside a key of a device ("" for the domain's own);
    ``routes``, ``nat``, ``local``, ``copies`` and ``edits`` carry their own remark, which may be empty."""

    name: str
    preset: str
    why: str
    above: list[str] = field(default_factory=list)
    devices: dict[str, Device] = field(default_factory=dict)
    device_notes: dict[str, list[str]] = field(default_factory=dict)
    key_notes: dict[tuple[str, str], str] = field(default_factory=dict)
    routes: list[tuple[Route, str]] = field(default_factory=list)
    nat: list[tuple[Nat, str]] = field(default_factory=list)
    local: list[tuple[Local, str]] = field(default_factory=list)
    copies: list[tuple[Copy, str]] = field(default_factory=list)
    edits: list[tuple[Edit, str]] = field(default_factory=list)
    flowtable: tuple[str, ...] = ()
    forwarding: bool = False
    conntrack: bool = False
    drops_invalid: bool = False
    sysctl: dict[str, bool] = field(default_factory=dict)

    def note(self, device: str, text: str) -> None:
        self.device_notes.setdefault(device, []).append(text)

    def domain(self) -> Domain:
        domain = Domain(
            self.name,
            self.preset,
            self.devices,
            tuple(route for route, _ in self.routes),
            tuple(rule for rule, _ in self.nat),
            self.forwarding,
            self.conntrack,
            self.sysctl,
            edits=tuple(rule for rule, _ in self.edits),
            flowtable=self.flowtable,
            local=tuple(rule for rule, _ in self.local),
            copies=tuple(rule for rule, _ in self.copies),
            drops_invalid=self.drops_invalid,
        )
        return replace(domain, backported=tuple(lacking(domain)))


def topology_of(drafts: list[Draft], name: str, at: str = "") -> Topology:
    return Topology({draft.name: draft.domain() for draft in drafts}, at, name)


def annotated(drafts: list[Draft], name: str, at: str, head: list[str], tail: list[str]) -> str:
    """The TOML of the drafts. Tables come in the order in which :func:`to_toml` writes them, which is that of ``_remarks``."""
    lines = [f"# {_clean(text)}".rstrip() for text in head]
    remarks = _remarks(drafts)
    above: list[str]
    beside: dict[str, str] = {}
    for line in to_toml(topology_of(drafts, name, at)).splitlines():
        if line.startswith("["):
            above, beside = next(remarks)
            lines += [f"# {_clean(text)}" for text in above]
        word = line.split(" =", 1)[0]
        lines.append(f"{line}  # {_clean(beside[word])}" if beside.get(word) and " = " in line else line)
    if tail:
        lines += ["", *(f"# {_clean(text)}" for text in tail)]
    return "\n".join(lines) + "\n"


def _remarks(drafts: list[Draft]) -> Iterator[tuple[list[str], dict[str, str]]]:
    """For every table the comments above it and those beside its keys."""
    for draft in drafts:
        yield (
            draft.above,
            {"preset": draft.why, "backported": _BACKPORTED, **{key: text for (name, key), text in draft.key_notes.items() if not name}},
        )
        for device in draft.devices:
            yield draft.device_notes.get(device, []), {key: text for (name, key), text in draft.key_notes.items() if name == device}
        for _, text in (*draft.routes, *draft.nat, *draft.local, *draft.copies, *draft.edits):
            yield [text] if text else [], {}


def _clean(text: str) -> str:
    """TOML allows no control characters in a comment."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)

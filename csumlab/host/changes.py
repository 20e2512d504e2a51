"""What rules and filters change in packets beside their connections' addresses, as the topology says it: edits, queues, fills.

A rule of a packet filter stands in a hook, an edit of the topology at a device: of what comes in by it before it is routed, of what leaves
by it after. What asks for more than devices and a protocol cannot be said, and is a warning.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_network
from typing import Final

from csumlab.host.dump import Notes
from csumlab.host.rules import MAX_DEPTH, MAX_RULES, Rule, RuleSet, Where, fitting
from csumlab.topology.checking import PAIRS
from csumlab.topology.model import CARRIAGES, Device, DeviceKind
from csumlab.topology.rules import Copy, Edit, Local, Prefix

CLAMP: Final = 0
"""In place of a maximum segment size: what fits the MTU of the way."""
FILL: Final = "checksum-fill"
PROXY: Final = "tproxy"
DROPS_INVALID: Final = "drops-invalid"
FLOW: Final = "flow"
"""A rule that gives connections to a flowtable."""
_HEADERS: Final = 40
"""IPv4 and TCP, without options (xt_TCPMSS.c tcpmss_mangle_packet)."""
HOOKS: Final = ("prerouting", "input", "forward", "output", "postrouting")
UNSAID: Final = {
    PROXY: "hands packets to a program here (TPROXY)",
    "notrack": "takes packets out of connection tracking: they are neither verified nor translated",
    "synproxy": "answers new connections in place of their server (SYNPROXY)",
    "ecn": "takes ECN out of TCP headers",
}
"""What the topology has no word for."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a rule does to packets that fit ``where``, in a hook: an edit (without its place), by whom; the device that packets
    are redirected to, or a ``copy`` of them; or a word of UNSAID, FILL or text on what is not modelled in ``unsaid``."""

    place: str
    hook: str
    where: Where
    edit: Edit | None = None
    redirect: str = ""
    copy: str = ""
    unsaid: str = ""


def changes_of(rules: RuleSet) -> Iterator[Change]:
    """The changes of a rule set, with all that leads to them. What rules before them let pass is passed over."""
    for hook, rule in _walked(rules):
        for edit in rule.action.edits:
            yield Change(rule.place, hook, rule.where, edit)
        for word in rule.action.unsaid:
            yield Change(rule.place, hook, rule.where, unsaid=word)
        if rule.action.redirect or rule.action.copy:
            yield Change(rule.place, hook, rule.where, redirect=rule.action.redirect, copy=rule.action.copy)


def stateless(rules: RuleSet, notes: Notes) -> Iterator[Rule]:
    """Rules that translate addresses without a connection."""
    for hook, rule in _walked(rules):
        if rule.action.by == "conntrack":
            continue
        if hook in (("prerouting", "ingress") if rule.action.what == "dnat" else ("postrouting", "egress")):
            yield rule
        else:
            notes.warn(f"{rule.place}: writes an address in {hook}: not in the topology")


def _walked(rules: RuleSet) -> Iterator[tuple[str, Rule]]:
    """Every rule of all base chains with its hook, and with the conditions that lead to it."""
    visited = [0]

    def walk(chain: str, hook: str, where: Where, depth: int) -> Iterator[tuple[str, Rule]]:
        for rule in rules.chains.get(chain, ()):
            visited[0] += 1
            if visited[0] > MAX_RULES or depth > MAX_DEPTH:
                return
            combined = where.and_also(rule.where)
            if rule.action.what in ("jump", "goto"):
                yield from walk(rule.action.target, hook, combined, depth + 1)
            yield hook, replace(rule, where=combined)

    for chain, hook in rules.hooks:
        yield from walk(chain, hook, Where(), 0)


def place_changes(changes: Sequence[Change], devices: Mapping[str, Device], forwards: bool, notes: Notes) -> list[tuple[str, Edit]]:
    """Edits at devices, each with the place of its rule, and warnings of what cannot be said."""
    found: dict[Edit, str] = {}
    for change in changes:
        if change.edit is None:
            if change.unsaid not in ("", FILL, FLOW, PROXY, DROPS_INVALID):
                notes.warn(f"{change.place}: {UNSAID.get(change.unsaid, change.unsaid)}: not in the topology")
            continue
        odd = _odd(change)
        if odd:
            notes.warn(f"{change.place}: not in the topology: {change.edit.by} with {', '.join(odd)}")
            continue
        way, ends = _way(change, devices)
        if not ends:
            notes.warn(f"{change.place}: not in the topology: no device of it fits")
        if forwards and change.hook in ("input", "output"):
            notes.warn(f"{change.place}: of what is this host's own only; the topology has it of all that passes the device")
        for device in ends:
            mss = change.edit.mss
            if mss == CLAMP and mss is not None:
                mss = max(min(device.mtu, 0xFFFF) - _HEADERS, 1)
            found.setdefault(replace(change.edit, device=device.name, way=way, mss=mss, protocol=change.where.protocol), change.place)
    return [(place, edit) for edit, place in found.items()]


def taken(changes: Sequence[Change], devices: Mapping[str, Device], notes: Notes) -> list[tuple[Local, str]]:
    """What is for others and is handed to programs here (TPROXY), each with the place of the rule."""
    found: dict[Local, str] = {}
    for change in changes:
        if change.unsaid != PROXY:
            continue
        where = change.where
        odd = [*where.odd, *(f"source {text}" for text in where.sources), *(f"a source other than {text}" for text in where.not_sources)]
        odd += [f"a destination other than {text}" for text in where.not_destinations if not ip_network(text, strict=False).is_loopback]
        odd += [] if where.destinations or where.ports or where.protocol else ["no protocol"]
        if odd:
            notes.warn(f"{change.place}: {UNSAID[PROXY]}: not in the topology: {', '.join(odd)}")
            continue
        names = [device.name for device in fitting(devices, where.into, where.not_into)] if where.into or where.not_into else [""]
        for name in names:
            for to in where.destinations or ("",):
                for port in where.ports or (0,):
                    found.setdefault(Local(name, Prefix.parse(to) if to else None, where.protocol, port), change.place)
    return list(found.items())


def filled_by(changes: Sequence[Change], devices: Mapping[str, Device], notes: Notes) -> dict[str, str]:
    """Devices behind which a CHECKSUM target fills the sums of UDP, with the place of the rule."""
    found: dict[str, str] = {}
    for change in changes:
        if change.unsaid != FILL:
            continue
        where = change.where
        fits = change.hook == "postrouting" and where.protocol == "udp" and not (where.odd or where.into or where.not_into)
        # A tunnel's options are of what it puts around packets.
        ends = [device for device in fitting(devices, where.out, where.not_out) if device.kind not in CARRIAGES] if fits else []
        if not ends:
            notes.warn(
                f"{change.place}: a CHECKSUM target fills sums; the topology has that of UDP behind POSTROUTING on a device of its own"
            )
        elif where.sources or where.not_sources or where.destinations or where.not_destinations or where.ports:
            notes.warn(
                f"{change.place}: a CHECKSUM target fills sums of some UDP packets; the topology has it of all that leave by the device"
            )
        found |= {device.name: change.place for device in ends}
    return found


def redirected(changes: Sequence[Change], devices: Mapping[str, Device], notes: Notes) -> list[tuple[str, str, str]]:
    """Devices of which tc sends every frame to another, as device, way ("in" or "out") and target."""
    found = []
    for change in changes:
        name = next(iter(change.where.into or change.where.out or ()), "")
        way, inward = "in" if change.hook == "ingress" else "out", change.redirect.startswith("ingress ")
        target = devices.get(change.redirect.removeprefix("ingress "))
        fits = target is not None and (target.kind in (*PAIRS, DeviceKind.NIC) or (target.kind is DeviceKind.IFB and not inward))
        if not change.redirect:
            continue
        on_cable = name in devices and devices[name].kind in (DeviceKind.NIC, *PAIRS) and devices[name].kind is not DeviceKind.MACVTAP
        if on_cable and fits and replace(change.where, into=None, out=None) == Where():
            found.append((name, way, change.redirect))
        else:
            notes.warn(f"{change.place}: mirred sends packets to {change.redirect}: not in the topology")
    return found


def copied(changes: Sequence[Change], devices: Mapping[str, Device], notes: Notes) -> list[tuple[Copy, str]]:
    """What tc sends copies of, each with the place of the filter."""
    found: dict[Copy, str] = {}
    for change in changes:
        if not change.copy:
            continue
        where = change.where
        name, target = next(iter(where.into or where.out or ()), ""), devices.get(change.copy)
        plain = replace(where, into=None, out=None, protocol="") == Where()
        on_cable = name in devices and devices[name].kind in (DeviceKind.NIC, *PAIRS) and devices[name].kind is not DeviceKind.MACVTAP
        if plain and on_cable and target is not None and target.kind not in (DeviceKind.IFB, DeviceKind.MACVTAP):
            if where.protocol:
                notes.warn(f"{change.place}: sends copies of one version of IP; the topology has it of both")
            found.setdefault(Copy(name, "in" if change.hook == "ingress" else "out", change.copy, where.protocol), change.place)
        else:
            notes.warn(f"{change.place}: mirred sends copies to {change.copy}: not in the topology")
    return list(found.items())


def drops_invalid(changes: Sequence[Change]) -> str:
    """The place of a rule that drops, of all that is forwarded, what connection tracking calls INVALID; "" if there is none."""
    rules = (change for change in changes if change.unsaid == DROPS_INVALID and change.hook in ("prerouting", "forward"))
    return next((change.place for change in rules if change.where == Where()), "")


def offloaded(
    changes: Sequence[Change], offloading: Collection[str], devices: Mapping[str, Device], known: bool, notes: Notes
) -> tuple[str, ...]:
    """The devices where packets of known flows are sent on past all rules. ``known``: whether the preset has flowtables."""
    flows = [change for change in changes if change.unsaid == FLOW]
    fitting = tuple(name for name in offloading if name in devices and not devices[name].bridge) if known and flows else ()
    for change in flows if not fitting else ():
        notes.warn(
            f"{change.place}: offloads connections to a flowtable: not in the topology; their later packets pass by this host's rules"
        )
    left = [name for name in offloading if fitting and name not in fitting]
    if left:
        notes.warn(f"{flows[0].place}: of the flowtable {', '.join(left)} is left out: a port of a bridge, or not in the topology")
    return fitting


def _odd(change: Change) -> list[str]:
    """What the rule asks that an edit cannot say."""
    where, edit = change.where, change.edit
    assert edit is not None
    odd = [*where.odd]
    odd += [f"source {text}" for text in where.sources]
    odd += [f"a source other than {text}" for text in where.not_sources]
    odd += [f"destination {text}" for text in where.destinations]
    odd += [f"a destination other than {text}" for text in where.not_destinations]
    odd += ["a destination port"] if where.ports else []
    odd += ["a condition on the destination"] if where.local else []
    odd += ["TCP flags"] if where.flags and edit.mss is None else []
    odd += ["no protocol"] if edit.mss is not None and where.protocol not in ("tcp", "") else []
    return odd


def _way(change: Change, devices: Mapping[str, Device]) -> tuple[str, list[Device]]:
    """In which direction and at which devices a rule in a hook changes packets."""
    where = change.where
    inward = change.hook in ("prerouting", "input", "ingress") or (
        change.hook == "forward" and where.out is None and where.into is not None
    )
    wanted, refused = (where.into, where.not_into) if inward else (where.out, where.not_out)
    ends = fitting(devices, wanted, refused)
    return ("in" if inward else "out"), [device for device in ends if device.kind is not DeviceKind.ESP]

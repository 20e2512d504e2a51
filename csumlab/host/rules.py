"""Translation rules of a packet filter, whatever program printed them: chains flattened to conditions, and those to the topology's rules.

What the topology's rules cannot say (sets, marks, ranges of ports, destinations) is a warning with the place of the rule, never a guess.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from csumlab.host.dump import Notes
from csumlab.packet import exactly
from csumlab.topology.model import Device
from csumlab.topology.rules import Edit, Nat, NatKind, Prefix

MAX_DEPTH = 16
MAX_RULES = 4096
"""Flattened rules of one place; a hostile dump cannot make more."""
MARK = "a mark"
"""A condition that no packet meets here, as packets are taken to carry no mark; one that asks for none is no condition."""
MOST_NAMED = 12
"""Rules that are left out and named one by one."""
MOST_SERVICES = 32
"""Rules for packets to addresses that are not the host's, such as those of a cluster's services; each is asked of every packet."""


@dataclass(frozen=True, slots=True)
class Where:
    """What a rule asks of a packet. ``into`` and ``out`` are the devices that fit (None: any), the others those that do not; ``odd`` what
    has no place in the model; ``local`` that the destination is an address of this host; ``flags`` that TCP's flags are asked for;
    ``spared`` what rules before it let pass, each a condition on addresses alone."""

    into: frozenset[str] | None = None
    out: frozenset[str] | None = None
    not_into: frozenset[str] = frozenset()
    not_out: frozenset[str] = frozenset()
    sources: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    not_destinations: tuple[str, ...] = ()
    protocol: str = ""
    ports: tuple[int, ...] = ()
    local: bool = False
    odd: tuple[str, ...] = ()
    flags: bool = False
    not_sources: tuple[str, ...] = ()
    spared: tuple[Where, ...] = ()

    def only_devices(self) -> bool:
        """Whether it asks for devices and nothing else."""
        return replace(self, into=None, out=None, not_into=frozenset(), not_out=frozenset()) == Where()

    def and_also(self, other: Where) -> Where:
        """Both; a second condition of one sort that a rule of the topology could not hold is odd."""
        odd = (*self.odd, *other.odd)
        for word in ("sources", "destinations", "protocol", "ports"):
            ours, theirs = getattr(self, word), getattr(other, word)
            if ours and theirs and ours != theirs:
                odd = (*odd, f"two conditions on {word}")
        return Where(
            _both(self.into, other.into),
            _both(self.out, other.out),
            self.not_into | other.not_into,
            self.not_out | other.not_out,
            other.sources or self.sources,
            other.destinations or self.destinations,
            self.not_destinations + other.not_destinations,
            other.protocol or self.protocol,
            other.ports or self.ports,
            self.local or other.local,
            odd,
            self.flags or other.flags,
            self.not_sources + other.not_sources,
            self.spared + other.spared,
        )


def _both(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    return other if one is None else one if other is None else one & other


@dataclass(frozen=True, slots=True)
class Action:
    """What a rule does: ``masquerade``, ``snat``, ``dnat`` to ``address`` and ``port``; ``jump`` or ``goto`` a chain ``target``;
    ``return``, ``accept``; ``other`` for all that ends nothing. ``several``: one of a range of addresses or ports is taken. ``by`` says
    who translates. ``edits`` are what it changes beside that, each without a place; ``redirect`` the device that it sends packets to,
    behind "ingress " as if they came in there; ``copy`` the one that it sends copies to;
    ``unsaid`` what it does that has no place in the model (changes.py)."""

    what: str
    target: str = ""
    address: str = ""
    port: int = 0
    several: bool = False
    odd: str = ""
    by: str = "conntrack"
    edits: tuple[Edit, ...] = ()
    redirect: str = ""
    copy: str = ""
    unsaid: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """``place`` is how a person finds the rule again; ``version`` the IP version its table is of, 0 for both."""

    place: str
    where: Where
    action: Action
    version: int = 0


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The chains of one table: rules by chain, and the base chains that translate in the order the kernel asks them. ``tracks`` says that
    something asks for connection tracking; ``hooks`` are all base chains with the hooks they stand in; ``offloading`` the devices of
    flowtables."""

    chains: Mapping[str, Sequence[Rule]]
    bases: Sequence[str] = ()
    tracks: bool = False
    hooks: Sequence[tuple[str, str]] = ()
    offloading: tuple[str, ...] = ()


def flatten(rules: RuleSet, notes: Notes) -> list[Rule]:
    """Translating rules with all that leads to them, in the order the kernel tries them."""
    found: list[Rule] = []
    visited = [0]

    def walk(chain: str, where: Where, depth: int) -> Iterator[Rule]:
        passed = Where()
        for rule in rules.chains.get(chain, ()):
            visited[0] += 1
            if visited[0] > MAX_RULES or depth > MAX_DEPTH:
                notes.warn(f"{rule.place}: more rules, or deeper, than are followed; the rest is left out")
                return
            combined = where.and_also(passed).and_also(rule.where)
            what = rule.action.what
            if what in ("jump", "goto"):
                yield from walk(rule.action.target, combined, depth + 1)
                if what == "goto" and rule.where == Where():
                    return
            elif what in ("return", "accept"):
                if rule.where == Where():
                    return
                if not _is_for_groups(rule.where):
                    passed = passed.and_also(_others(rule.where))
            elif what in ("masquerade", "snat", "dnat"):
                yield replace(rule, where=combined)

    for base in rules.bases:
        found += walk(base, Where(), 0)
    return found


def _others(where: Where) -> Where:
    """What is left for the rules behind one that ends the chain for some packets: those of other devices or destinations, and where it asks
    for more, what cannot be said."""
    if where.only_devices() and where.into is not None and where.out is None and not where.not_into and not where.not_out:
        return Where(not_into=where.into)
    if where.odd == (MARK,):
        # Nobody has said that packets carry one.
        return Where()
    if where.destinations and replace(where, sources=(), destinations=(), not_sources=()) == Where():
        return Where(spared=(where,))
    if where.ports and replace(where, protocol="", ports=()) == Where():
        return Where(spared=(where,))
    return Where(odd=("what a rule before it does not let pass",))


def _is_for_groups(where: Where) -> bool:
    """Packets to groups are not followed by the model at all."""
    networks = [ip_network(text, strict=False) for text in where.destinations]
    return bool(networks) and all(net.is_multicast or str(net) == "255.255.255.255/32" for net in networks)


def resolve(rules: Sequence[Rule], devices: Mapping[str, Device], notes: Notes) -> list[tuple[str, Nat]]:
    """Rules as the topology says them, each with its place: one for every device and source that a rule names."""
    found: list[tuple[str, Nat]] = []
    left: list[str] = []
    services = 0
    for rule in rules:
        if _stays_here(rule.where):
            continue
        odd = [*rule.where.odd, *([rule.action.odd] if rule.action.odd else [])]
        made: list[Nat] = []
        if not odd:
            made = _sources(rule, devices, odd) if rule.action.what != "dnat" else _destinations(rule, devices, odd, notes)
        services += any(nat.destination is not None for nat in made)
        if services > MOST_SERVICES:
            odd.append(f"behind {MOST_SERVICES} others for addresses that are not here")
        if odd:
            left.append(f"{rule.place}: not in the topology: {', '.join(dict.fromkeys(odd))}")
            continue
        if not made:
            notes.warn(f"{rule.place}: not in the topology: no device of it fits")
        if rule.action.several:
            notes.warn(f"{rule.place}: one of several addresses or ports is chosen at run time; the first is taken, a port stays")
        found += [(rule.place, nat) for nat in made]
    for text in left[:MOST_NAMED]:
        notes.warn(text)
    if left[MOST_NAMED:]:
        notes.warn(f"{len(left) - MOST_NAMED} more rules that translate are not in the topology")
    return found


def _stays_here(where: Where) -> bool:
    """Whether a rule is about what never meets another host: a resolver on a loopback address (Docker's), or a host that comes to itself
    by a published port."""
    addresses = [ip_network(text, strict=False) for text in (*where.sources, *where.destinations)]
    itself = bool(where.sources) and where.sources == where.destinations and all(net.num_addresses == 1 for net in addresses)
    return itself or any(net.is_loopback for net in addresses)


def _matches(name: str, wanted: frozenset[str]) -> bool:
    """nft writes a prefix of names as ppp*, iptables as ppp+."""
    return any(name.startswith(word[:-1]) if word[-1:] in ("*", "+") else name == word for word in wanted)


def fitting(devices: Mapping[str, Device], wanted: frozenset[str] | None, refused: frozenset[str]) -> list[Device]:
    """Devices that a rule asks for; of one that asks for none those that have an address."""
    found = []
    for name, device in devices.items():
        fits = bool(device.addresses) if wanted is None else _matches(name, wanted)
        if fits and not _matches(name, refused):
            found.append(device)
    return found


def _sources(rule: Rule, devices: Mapping[str, Device], odd: list[str]) -> list[Nat]:
    """MASQUERADE and SNAT."""
    where, action = rule.where, rule.action
    refused = where.not_out
    spared = [text for other in where.spared if _may_share(other, where.sources) for text in other.destinations]
    for text in (*where.not_destinations, *spared):
        if ip_network(text, strict=False).is_multicast:
            continue
        inside = {name for name, device in devices.items() if any(_covers(text, prefix) for prefix in device.prefixes)}
        if not inside:
            odd.append(f"a destination other than {text}")
        # Packets to that prefix leave by the device that has it, so the condition is one on devices.
        refused |= inside
    odd += [f"ports other than {_ports(other)}" for other in where.spared if other.ports]
    odd += [f"destination {text}" for text in where.destinations]
    odd += ["a destination port"] if where.ports else []
    odd += ["no address to translate to"] if action.what == "snat" and not action.address else []
    odd += [f"a source other than {text}" for text in where.not_sources]
    odd += ["an incoming device"] if where.into is not None or where.not_into else []
    if odd:
        return []
    found = []
    for device in fitting(devices, where.out, refused):
        sources: Sequence[str] = where.sources
        if not sources and rule.version and any(span.version != rule.version for span in device.spans):
            sources = ("0.0.0.0/0",) if rule.version == 4 else ("::/0",)
        for source in sources or ("",):
            found.append(_nat(NatKind.SNAT if action.what == "snat" else NatKind.MASQUERADE, device, rule, source))
    return found


def _ports(where: Where) -> str:
    return ", ".join(map(str, where.ports))


def _destinations(rule: Rule, devices: Mapping[str, Device], odd: list[str], notes: Notes) -> list[Nat]:
    """DNAT and REDIRECT. Without a condition on destinations DNAT is taken to be for packets to this host, REDIRECT for all."""
    where, address = rule.where, rule.action.address
    refused = (*where.not_destinations, *(text for other in where.spared for text in other.destinations))
    # What is for a loopback address comes by no cable.
    odd += [f"a destination other than {text}" for text in refused if not ip_network(text, strict=False).is_loopback]
    odd += [f"a source other than {text}" for text in where.not_sources]
    wanted = {ip_network(text, strict=False) for text in where.destinations}
    owners = {name for name, device in devices.items() if any(_is_one_of(text, wanted) for text in device.addresses)}
    odd += ["an outgoing device"] if where.out is not None or where.not_out else []
    if odd:
        return []
    spared = [_ports(other) for other in where.spared if other.ports]
    if spared:
        notes.warn(f"{rule.place}: in the topology it is for the ports {', '.join(spared)} too, which a rule before it lets pass")
    if not address and (where.local or owners):
        return _to_itself(rule, devices, owners or None)
    kind, found = (NatKind.DNAT if address else NatKind.REDIRECT), []
    for device in fitting(devices, where.into, where.not_into):
        for text in ("",) if owners or not where.destinations else where.destinations:
            versions = {span.version for span in device.spans}
            versions &= {ip_address(address).version} if address else {rule.version} if rule.version else {4, 6}
            versions &= {ip_network(text, strict=False).version} if text else {4, 6}
            if versions and (not owners or device.name in owners):
                found += [_nat(kind, device, rule, source, port, text) for source in where.sources or ("",) for port in where.ports or (0,)]
    return found


def _to_itself(rule: Rule, devices: Mapping[str, Device], owners: set[str] | None) -> list[Nat]:
    """REDIRECT: to the address of the device by which the packet came."""
    found = []
    for device in fitting(devices, rule.where.into, rule.where.not_into):
        for text in device.addresses if owners is None or device.name in owners else ():
            own = text.split("/")[0]
            if rule.version in (0, ip_address(own).version):
                to = replace(rule, action=replace(rule.action, address=own))
                found += [_nat(NatKind.DNAT, device, to, "", port) for port in rule.where.ports or (0,)]
    return found


def _nat(kind: NatKind, device: Device, rule: Rule, source: str, port: int = 0, destination: str = "") -> Nat:
    address = exactly(rule.action.address) if rule.action.address else None
    whence, to = (Prefix.parse(text) if text else None for text in (source, destination))
    words = (rule.where.protocol, port, address, rule.action.port, rule.action.by)
    return Nat(kind, device.name, whence, *words, destination=to)


def _covers(text: str, prefix: Prefix) -> bool:
    outer = Prefix.parse(text)
    return outer.version == prefix.version and outer.length > 0 and outer.low <= prefix.low and prefix.high <= outer.high


def _may_share(other: Where, sources: Sequence[str]) -> bool:
    """Whether packets from ``sources`` (none: from anywhere) may be among those of another condition."""
    ours = [ip_network(text, strict=False) for text in sources]
    theirs = [ip_network(text, strict=False) for text in other.sources]
    outside = [ip_network(text, strict=False) for text in other.not_sources]
    if ours and any(all(net.version == one.version and _within(one, net) for one in ours) for net in outside):
        return False
    return not ours or not theirs or any(one.version == two.version and one.overlaps(two) for one in ours for two in theirs)


def _within(inner: IPv4Network | IPv6Network, outer: IPv4Network | IPv6Network) -> bool:
    return int(outer[0]) <= int(inner[0]) and int(inner[-1]) <= int(outer[-1])


def _is_one_of(address: str, networks: set[IPv4Network | IPv6Network]) -> bool:
    return ip_network(address.split("/")[0]) in networks

"""``nft -j list ruleset``: the translation chains of every table (libnftables-json(5))."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

import msgspec

from csumlab.host.dump import Section
from csumlab.host.rules import Action, Rule, RuleSet, Where

_HOOKS = ("prerouting", "postrouting")
_VERSIONS = {"ip": 4, "ip6": 6, "inet": 0}
_COMPATIBLE = ("PREROUTING", "POSTROUTING", "INPUT", "OUTPUT", "FORWARD")
"""Base chains of tables that iptables-nft made; iptables-save has their rules in full."""


class _Chain(msgspec.Struct):
    family: str = ""
    table: str = ""
    name: str = ""
    type: str = ""
    hook: str = ""
    prio: int | str = 0


class _Rule(msgspec.Struct):
    family: str = ""
    table: str = ""
    chain: str = ""
    handle: int = 0
    expr: list[dict[str, Any]] = []


class _Item(msgspec.Struct):
    chain: _Chain | None = None
    rule: _Rule | None = None


class _Ruleset(msgspec.Struct):
    nftables: list[_Item] = []


def read_nft(section: Section, skip_compatible: bool = False) -> list[RuleSet]:
    """The tables' translation rules. ``skip_compatible``: leave out tables that iptables made. DumpError if it is not nft's JSON."""
    if not section.text.strip():
        return []
    if not section.is_json:
        raise section.fault("rules that are not JSON cannot be read: nft -j is needed")
    items = section.decode(_Ruleset).nftables
    chains: dict[tuple[str, str], list[_Chain]] = {}
    rules: dict[tuple[str, str], list[_Rule]] = {}
    for item in items:
        if item.chain is not None:
            chains.setdefault((item.chain.family, item.chain.table), []).append(item.chain)
        if item.rule is not None:
            rules.setdefault((item.rule.family, item.rule.table), []).append(item.rule)
    found = []
    for key, table in chains.items():
        if key[0] not in _VERSIONS or (skip_compatible and any(chain.name in _COMPATIBLE and chain.hook for chain in table)):
            continue
        made: dict[str, list[Rule]] = {}
        for rule in rules.get(key, []):
            made.setdefault(rule.chain, []).append(_read(section, rule))
        bases = sorted((chain for chain in table if chain.type == "nat" and chain.hook in _HOOKS), key=_priority)
        tracks = bool(bases) or any("ct" in _words(rule.expr) for rule in rules.get(key, []))
        found.append(RuleSet(made, [chain.name for chain in bases], tracks))
    return found


def _priority(chain: _Chain) -> tuple[int, int]:
    return _HOOKS.index(chain.hook), chain.prio if isinstance(chain.prio, int) else 0


def _words(value: Any) -> set[str]:
    """Every key in a value, however deep."""
    todo, found = [value], set[str]()
    while todo:
        inner = todo.pop()
        if isinstance(inner, dict):
            found |= inner.keys()
            todo += inner.values()
        elif isinstance(inner, list):
            todo += inner
    return found


def _read(section: Section, rule: _Rule) -> Rule:
    place = f"nft {rule.family} {rule.table} {rule.chain}, handle {rule.handle}"
    where, action = Where(), Action("other")
    for expression in rule.expr:
        for word, body in expression.items():
            if word == "match" and isinstance(body, dict):
                where = where.and_also(_match(section, body))
            elif word in ("masquerade", "snat", "dnat", "redirect"):
                action = _translation(section, word, body if isinstance(body, dict) else {})
            elif word in ("jump", "goto"):
                action = Action(word, target=str(body.get("target", "")) if isinstance(body, dict) else "")
            elif word in ("return", "accept", "drop"):
                action = Action("return" if word == "drop" else word)
            elif word == "xt":
                # A match or target of iptables that nft cannot say; it may translate.
                action = Action("dnat", odd="an expression of iptables")
            elif word in ("vmap", "tproxy", "queue"):
                where = replace(where, odd=(*where.odd, word))
    return Rule(place, where, action, _VERSIONS[rule.family])


def _match(section: Section, body: Mapping[str, Any]) -> Where:
    """One condition. What cannot be said is odd."""
    left, right, refused = body.get("left"), body.get("right"), body.get("op") == "!="
    values = _values(right)
    described = msgspec.json.encode(left).decode()[:60]
    odd = Where(odd=(f"a condition on {described}",))
    if not isinstance(left, dict) or values is None or body.get("op") not in ("==", "!=", "in"):
        return odd
    meta = left.get("meta")
    key = meta.get("key") if isinstance(meta, dict) else None
    if key in ("iifname", "iif", "oifname", "oif"):
        names = frozenset(map(str, values))
        if key.startswith("i"):
            return Where(not_into=names) if refused else Where(into=names)
        return Where(not_out=names) if refused else Where(out=names)
    if refused:
        payload = left.get("payload")
        if isinstance(payload, dict) and payload.get("field") == "daddr":
            return Where(not_destinations=_prefixes(section, values))
        return odd
    if key in ("l4proto", "nfproto"):
        return _protocol(values) if key == "l4proto" else Where()
    fib = left.get("fib")
    if isinstance(fib, dict) and values == ["local"] and fib.get("result") == "type":
        return Where(local=True)
    return _payload(section, left.get("payload"), values) or odd


def _protocol(values: list[Any]) -> Where:
    names = {6: "tcp", 17: "udp"}
    value = names.get(values[0], values[0]) if len(values) == 1 else None
    return Where(protocol=value) if value in ("tcp", "udp") else Where(odd=(f"protocol {str(values)[:40]}",))


def _payload(section: Section, payload: Any, values: list[Any]) -> Where | None:
    """A header field: addresses, the protocol, ports."""
    if not isinstance(payload, dict):
        return None
    field, protocol = payload.get("field"), payload.get("protocol")
    if field == "saddr":
        return Where(sources=_prefixes(section, values))
    if field == "daddr":
        return Where(destinations=_prefixes(section, values))
    if field in ("protocol", "nexthdr"):
        return _protocol(values)
    ports = [value for value in values if isinstance(value, int) and 0 < value < 0x10000]
    if field == "dport" and protocol in ("tcp", "udp", "th") and len(ports) == len(values):
        return Where(protocol="" if protocol == "th" else protocol, ports=tuple(ports))
    return None


def _values(right: Any) -> list[Any] | None:
    """The values of the right side; None for named sets, ranges, maps."""
    if isinstance(right, dict) and isinstance(right.get("set"), list):
        right = right["set"]
    found = []
    for value in right if isinstance(right, list) else [right]:
        if isinstance(value, dict):
            prefix = value.get("prefix")
            if not isinstance(prefix, dict):
                return None
            value = f"{prefix.get('addr')}/{prefix.get('len')}"
        if isinstance(value, bool) or not isinstance(value, str | int) or (isinstance(value, str) and value.startswith("@")):
            return None
        found.append(value)
    return found or None


def _prefixes(section: Section, values: list[Any]) -> tuple[str, ...]:
    try:
        return tuple(str(ip_network(str(value), strict=False)) for value in values)
    except ValueError as error:
        raise section.fault(f"a rule with an address that is none: {error}") from None


def _translation(section: Section, word: str, body: Mapping[str, Any]) -> Action:
    if word == "redirect":
        return Action("dnat", odd="redirect")
    address, port, several = body.get("addr"), body.get("port"), False
    if isinstance(address, dict):
        ends, prefix = address.get("range"), address.get("prefix")
        address = ends[0] if isinstance(ends, list) and ends else prefix.get("addr") if isinstance(prefix, dict) else None
        several = True
        if address is None:
            return Action(word, odd="an address from a map")
    if isinstance(port, dict):
        port, several = 0, True
    try:
        text = str(ip_address(address)) if isinstance(address, str) else ""
    except ValueError as error:
        raise section.fault(f"a rule with an address that is none: {error}") from None
    if word != "masquerade" and not text:
        return Action(word, odd="ports only")
    number = port if isinstance(port, int) and 0 < port < 0x10000 else 0
    return Action(word, address=text, port=number, several=several)

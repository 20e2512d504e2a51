"""``nft -j list ruleset``: what the chains of every table translate and change (libnftables-json(5))."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

import msgspec

from csumlab.host.changes import CLAMP, DROPS_INVALID, FLOW, UNSAID
from csumlab.host.dump import Section
from csumlab.host.rules import Action, Rule, RuleSet, Where
from csumlab.topology.rules import Edit

_HOOKS = ("prerouting", "postrouting")
_VERSIONS = {"ip": 4, "ip6": 6, "inet": 0}
_APART = ("netdev", "bridge")
_COMPATIBLE = ("PREROUTING", "POSTROUTING", "INPUT", "OUTPUT", "FORWARD")
"""Base chains of tables that iptables-nft made; iptables-save has their rules in full."""
_DSCP = {f"cs{n}": 8 * n for n in range(8)} | {f"af{n}{d}": 8 * n + 2 * d for n in range(1, 5) for d in range(1, 4)} | {"ef": 46, "va": 44}
"""Names of code points (RFC 4594, RFC 5865), as nft prints them (src/datatype.c dscp_type)."""
_ECN = {"not-ect": 0, "ect1": 1, "ect0": 2, "ce": 3}


_STATE = {"ct": {"key": "state"}}
_IS_INVALID = {"op": "in", "left": _STATE, "right": "invalid"}


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


class _Flowtable(msgspec.Struct):
    family: str = ""
    table: str = ""
    dev: str | list[str] = []


class _Item(msgspec.Struct):
    chain: _Chain | None = None
    flowtable: _Flowtable | None = None
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
    offloading: dict[tuple[str, str], list[str]] = {}
    for flows in (item.flowtable for item in items if item.flowtable is not None):
        offloading.setdefault((flows.family, flows.table), []).extend([flows.dev] if isinstance(flows.dev, str) else flows.dev)
    found = []
    for key, table in chains.items():
        if key[0] in _APART:
            found.append(_apart(section, key[0], rules.get(key, [])))
        if key[0] not in _VERSIONS or (skip_compatible and any(chain.name in _COMPATIBLE and chain.hook for chain in table)):
            continue
        made: dict[str, list[Rule]] = {}
        for rule in rules.get(key, []):
            made.setdefault(rule.chain, []).append(_read(section, rule))
        bases = sorted((chain for chain in table if chain.type == "nat" and chain.hook in _HOOKS), key=_priority)
        tracks = bool(bases) or any("ct" in _words(rule.expr) for rule in rules.get(key, []))
        hooks = [(chain.name, chain.hook) for chain in table if chain.hook]
        found.append(RuleSet(made, [chain.name for chain in bases], tracks, hooks, tuple(dict.fromkeys(offloading.get(key, ())))))
    return found


def _apart(section: Section, family: str, rules: list[_Rule]) -> RuleSet:
    """What a table beside those of IP changes, which has no place in the model."""
    read = [_read(section, rule) for rule in rules]
    word = f"changes packets in a table of family {family}"
    told = [replace(one, action=Action("other", unsaid=(word,))) for one in read if one.action.edits or one.action.unsaid]
    return RuleSet({"": told}, hooks=[("", "")])


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
    edits: list[Edit] = []
    unsaid: list[str] = []
    invalid = False
    for expression in rule.expr:
        for word, body in expression.items():
            if word == "match" and body == _IS_INVALID:
                invalid = True
            elif word == "match" and isinstance(body, dict):
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
            elif word == "mangle" and isinstance(body, dict):
                action, edit, problem = _change(section, action, body)
                edits += [edit] if edit else []
                unsaid += [problem] if problem else []
            elif word == "queue":
                edits.append(Edit("nfqueue", "", ""))
            elif word in UNSAID or word == FLOW:
                unsaid.append(word)
            elif word == "vmap" and isinstance(body, dict) and body.get("key") == _STATE:
                unsaid += [DROPS_INVALID] if ["invalid", {"drop": None}] in _members(body) else []
            elif word == "vmap":
                where = replace(where, odd=(*where.odd, word))
    if invalid and action.what == "return":
        # It ends nothing for packets that are not.
        action, unsaid = Action("other"), [*unsaid, DROPS_INVALID]
    elif invalid:
        where = replace(where, odd=(*where.odd, "a condition on the connection's state"))
    return Rule(place, where, replace(action, edits=tuple(edits), unsaid=tuple(unsaid)), _VERSIONS.get(rule.family, 0))


def _members(body: Mapping[str, Any]) -> list[Any]:
    """Of a map that is written where it is used."""
    data = body.get("data")
    members = data.get("set") if isinstance(data, dict) else None
    return members if isinstance(members, list) else []


def _change(section: Section, action: Action, body: Mapping[str, Any]) -> tuple[Action, Edit | None, str]:
    """A statement that sets a word of the packet: a translation, an edit, or what of it has no place in the model. Marks are of no
    packet."""
    key, value = body.get("key"), body.get("value")
    if not isinstance(key, dict) or not ("payload" in key or "tcp option" in key):
        return action, None, ""
    option, payload = key.get("tcp option"), key.get("payload")
    if isinstance(option, dict) and option.get("name") == "maxseg":
        mss = CLAMP if isinstance(value, dict) else value
        return (action, Edit("iptables", "", "", mss=mss), "") if isinstance(mss, int) else (action, None, "an MSS from a map")
    field = payload.get("field") if isinstance(payload, dict) else None
    protocol = payload.get("protocol") if isinstance(payload, dict) else None
    number = {**_DSCP, **_ECN}.get(str(value), value)
    if field == "dscp" and isinstance(number, int):
        return action, Edit("nft", "", "", dscp=number), ""
    if field == "ecn" and isinstance(number, int):
        return action, Edit("nft", "", "", ecn=number), ""
    if field in ("ttl", "hoplimit") and isinstance(value, int):
        return action, Edit("nft", "", "", ttl=value), ""
    if protocol in ("ip", "ip6") and field in ("saddr", "daddr") and isinstance(value, str) and action.what == "other":
        made = _translation(section, "snat" if field == "saddr" else "dnat", {"addr": value})
        return replace(made, by="nft"), None, ""
    if field == "dport" and isinstance(value, int) and action.by == "nft":
        return replace(action, port=value), None, ""
    where = f"{protocol} {field}" if field else "bytes of the packet" if payload else "a TCP option"
    return action, None, f"writes {where}"


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
    masked = left.get("&")
    flagged = masked[0] if isinstance(masked, list) and masked else left
    if isinstance(flagged, dict) and flagged.get("payload") == {"protocol": "tcp", "field": "flags"}:
        return Where(protocol="tcp", flags=True)
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
    if word in ("snat", "dnat") and not text:
        return Action(word, odd="ports only")
    number = port if isinstance(port, int) and 0 < port < 0x10000 else 0
    return Action("dnat" if word == "redirect" else word, address=text, port=number, several=several)

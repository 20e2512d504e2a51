"""``tc -j filter show`` of every device: actions that change packets, as rules like those of a packet filter.

Source: iproute2 tc/m_pedit.c print_pedit, m_csum.c print_csum, m_nat.c print_nat, m_mirred.c print_mirred, tc_filter.c. A pedit key writes
``(word & mask) ^ val`` into 32 bits at ``offset`` of the header ``htype`` (net/sched/act_pedit.c tcf_pedit_act).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv4Address, ip_network
from typing import Any, Final

import msgspec

from csumlab.host.dump import Section
from csumlab.host.rules import Action, Rule, RuleSet, Where
from csumlab.topology.rules import Edit

_WHOLE: Final = 0xFFFFFFFF
_WORDS: Final = {
    ("ipv4", 8, 0xFF000000): ("ttl", 24),
    ("ipv4", 0, 0x00FC0000): ("dscp", 18),
    ("ipv4", 0, 0x00FF0000): ("dscp", 18),
    ("ipv4", 0, 0x00030000): ("ecn", 16),
    ("ipv4", 12, _WHOLE): ("snat", 0),
    ("ipv4", 16, _WHOLE): ("dnat", 0),
    ("ipv6", 4, 0x000000FF): ("ttl", 0),
    ("ipv6", 0, 0x0FC00000): ("dscp", 22),
    ("ipv6", 0, 0x0FF00000): ("dscp", 22),
    ("tcp", 0, 0x0000FFFF): ("dport", 0),
    ("udp", 0, 0x0000FFFF): ("dport", 0),
}
"""Header, offset and the bits that a key writes: what that is, and how far its lowest bit is from the word's. RFC 791 section 3.1, RFC
8200 section 3, RFC 9293 section 3.1."""
_SUMMED: Final = {"iph": "ip", **{name: name for name in ("icmp", "tcp", "udp", "udplite", "sctp")}}
_VERSIONS: Final = {"ip": 4, "ipv6": 6}


class _Options(msgspec.Struct):
    actions: list[dict[str, Any]] = []
    keys: dict[str, Any] = {}
    match: dict[str, Any] = {}


class _Filter(msgspec.Struct):
    protocol: str = ""
    pref: int = 0
    kind: str = ""
    options: _Options | None = None


def read_filters(section: Section) -> RuleSet:
    """Rules in the hooks ``ingress`` and ``egress``, each asking for its device. DumpError if it is not tc's JSON."""
    chains: dict[str, list[Rule]] = {"ingress": [], "egress": []}
    device, way = "", ""
    for offset, line in enumerate(section.text.split("\n")):
        words = line.split()
        if len(words) == 3 and words[0] == "interface:":
            device, way = words[1], "ingress" if words[2] == "ingress" else "egress"
        elif line.strip() and device:
            try:
                filters = msgspec.json.decode(line, type=list[_Filter])
            except msgspec.DecodeError as error:
                raise section.fault(f"not the JSON that was expected: {error}", offset) from None
            for one in filters:
                if one.options is not None and one.options.actions:
                    chains[way] += _rules(one, device, way)
    return RuleSet(chains, hooks=[(way, way) for way in chains])


def _rules(one: _Filter, device: str, way: str) -> Iterator[Rule]:
    """One rule for each action of a filter."""
    place = f"tc filter of {device} {way}, pref {one.pref}"
    where = _where(one)
    where = replace(where, into=frozenset({device})) if way == "ingress" else replace(where, out=frozenset({device}))
    assert one.options is not None
    for body in one.options.actions:
        kind = body.get("kind") or body.get("type")
        version = _VERSIONS.get(one.protocol, 0)
        if kind == "pedit":
            yield Rule(place, where, _written(body, version), version)
        elif kind == "csum":
            names = [word.strip() for word in str(body.get("csum", "")).split(",")]
            sums = tuple(_SUMMED[name] for name in names if name in _SUMMED)
            yield Rule(place, where, Action("other", edits=(Edit("act-csum", "", "", sums=sums),) if sums else ()), version)
        elif kind == "nat":
            yield _translated(place, where, body)
        elif kind == "mirred":
            action, direction, target = (str(body.get(word, "")) for word in ("mirred_action", "direction", "to_dev"))
            if action == "redirect" and one.protocol == "all":
                yield Rule(place, where, Action("other", redirect=f"ingress {target}" if direction == "ingress" else target))
                continue
            if (action, direction) == ("mirror", "egress"):
                some = where if one.protocol == "all" or where.protocol else where.and_also(Where(odd=(f"protocol {one.protocol}",)))
                yield Rule(place, some, Action("other", copy=target), version)
                continue
            told = f"{body.get('mirred_action', 'sends')} packets to {body.get('to_dev', 'a device')} {body.get('direction', '')}".rstrip()
            yield Rule(place, where, Action("other", unsaid=(f"mirred: {told}",)))
        elif kind in ("bpf", "ct", "mpls", "skbmod", "vlan", "tunnel_key"):
            yield Rule(place, where, Action("other", unsaid=(f"the action {kind}",)))


def _where(one: _Filter) -> Where:
    """What a filter asks of a packet; matchall, and u32 with an empty mask, ask nothing."""
    assert one.options is not None
    found = Where() if one.protocol in ("all", *_VERSIONS) else Where(odd=(f"protocol {one.protocol}"[:40],))
    if one.kind == "u32" and str(one.options.match.get("mask", "0")).strip("0"):
        found = found.and_also(Where(odd=("a condition of u32",)))
    elif one.kind not in ("u32", "matchall", "flower"):
        found = found.and_also(Where(odd=(f"a filter of kind {one.kind}"[:40],)))
    for key, value in one.options.keys.items() if one.kind == "flower" else ():
        if key == "ip_proto" and value in ("tcp", "udp"):
            found = found.and_also(Where(protocol=value))
        elif key not in ("eth_type",):
            found = found.and_also(Where(odd=(f"{key} {value}"[:40],)))
    return found


def _written(body: Mapping[str, Any], version: int) -> Action:
    """What pedit writes: edits, or a translation without a connection."""
    action, edits, unsaid = Action("other"), [], []
    keys = body.get("keys")
    for key in keys if isinstance(keys, list) else ():
        word, value = _word(key, version) if isinstance(key, dict) else ("", 0)
        match word:
            case "ttl":
                edits.append(Edit("pedit", "", "", ttl=value))
            case "dscp":
                edits.append(Edit("pedit", "", "", dscp=value))
            case "ecn":
                edits.append(Edit("pedit", "", "", ecn=value))
            case "snat" | "dnat" if action.what == "other":
                action = Action(word, address=str(IPv4Address(value)), port=action.port, by="pedit")
            case "dport":
                action = replace(action, port=value)
            case _:
                unsaid.append("pedit writes what has no word")
    if action.what == "other" and action.port:
        unsaid.append("pedit writes a port")
    return replace(action, edits=tuple(edits), unsaid=tuple(dict.fromkeys(unsaid)))


def _word(key: Mapping[str, Any], version: int) -> tuple[str, int]:
    """What a key writes, and the number; an empty word if it is none of those that are known."""
    header = {"network": f"ipv{version}"}.get(str(key.get("htype")), str(key.get("htype")))
    value, mask = _hexadecimal(key.get("val")), _hexadecimal(key.get("mask"))
    if key.get("cmd") == "add" or value is None or mask is None:
        return "", 0
    word, shift = _WORDS.get((header, key.get("offset", -1), ~mask & _WHOLE), ("", 0))
    return word, value >> shift


def _hexadecimal(value: Any) -> int | None:
    """A number as iproute2 prints it in JSON: as a hexadecimal string, in old versions without quotes as a decimal number."""
    try:
        number = value if isinstance(value, int) else int(str(value), 16)
    except ValueError:
        return None
    return number if 0 <= number <= _WHOLE else None


def _translated(place: str, where: Where, body: Mapping[str, Any]) -> Rule:
    """The nat action: egress changes the source, ingress the destination (net/sched/act_nat.c)."""
    try:
        old, new = str(ip_network(str(body.get("old_addr")), strict=False)), str(IPv4Address(str(body.get("new_addr"))))
    except ValueError:
        return Rule(place, where, Action("other", unsaid=("the action nat",)), 4)
    if body.get("direction") == "egress":
        return Rule(place, where.and_also(Where(sources=(old,))), Action("snat", address=new, by="act-nat"), 4)
    return Rule(place, where.and_also(Where(destinations=(old,))), Action("dnat", address=new, by="act-nat"), 4)

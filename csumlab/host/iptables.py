"""``iptables-save``: the nat table's rules, targets that change packets, what asks for connection tracking (iptables-extensions(8))."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from ipaddress import ip_address, ip_network
from itertools import pairwise

from csumlab.host.changes import CLAMP, DROPS_INVALID, FILL, FLOW, HOOKS
from csumlab.host.dump import Section, number_of
from csumlab.host.rules import MARK, Action, Rule, RuleSet, Where
from csumlab.topology.rules import Edit

_IGNORED = {
    "-m": 1,
    "--match": 1,
    "--comment": 1,
    "--nfacct-name": 1,
    "-c": 2,
    "--set-counters": 2,
    "--random": 0,
    "--random-fully": 0,
    "--persistent": 0,
}
"""Words that change nothing for the model, with the number of words behind them."""
_TARGETS = {"TCPMSS": 0xFFFF, "TTL": 255, "HL": 255, "DSCP": 63, "TOS": 63}
_TARGETS |= dict.fromkeys(("CHECKSUM", "NFQUEUE", "TPROXY", "SYNPROXY", "ECN", "FLOWOFFLOAD", "CT", "NOTRACK"), 0)
"""Targets that change packets or take them elsewhere, with the largest number of those that have one."""
_CHANGING = re.compile(rf" -j ({'|'.join(_TARGETS)})\b")
_INVALID = re.compile(r" --(ctstate|state) INVALID .*-j DROP\b")
_LEADING = re.compile(r" -[jg] (?!(ACCEPT|DROP|REJECT|RETURN|LOG|NFLOG|MARK|CONNMARK|AUDIT|SECMARK|CONNSECMARK|CLASSIFY|SET|TRACE|TEE)\b)")
"""Jumps to chains, and whatever target is not known."""
_TRACKING = re.compile(r" -m (conntrack|state|connmark|connlimit|ctstate) | -j (CONNMARK|CT)\b")


def read_iptables(section: Section, version: int) -> RuleSet:
    """The rules of all tables. DumpError with the line that cannot be read."""
    table = ""
    chains: dict[str, list[Rule]] = {}
    tracks = False
    for offset, line in enumerate(section.text.split("\n")):
        if line.startswith("*"):
            table = line[1:].strip()
        elif line.startswith(("-A ", "[")):
            line = re.sub(r"^\[\d+:\d+\] ", "", line)
            place = f"iptables {table}, line {section.line + offset} of the dump"
            tracks = tracks or table == "nat" or _TRACKING.search(line) is not None
            # Chains of the same name in other tables: only those that change packets, or lead there, are read.
            if table == "nat" or any(pattern.search(line) for pattern in (_CHANGING, _LEADING, _INVALID)):
                name, rule = _read(section, line, offset, place, version)
                if table != "nat":
                    name, rule = f"{table} {name}", replace(rule, action=replace(rule.action, target=f"{table} {rule.action.target}"))
                chains.setdefault(name, []).append(rule)
        elif line.strip() and not line.startswith(("#", ":", "COMMIT")):
            raise section.fault(f"expected a line of iptables-save, not {line[:60]!r}", offset)
    hooks = [(f"{table} {hook.upper()}", hook) for table in ("raw", "mangle", "filter") for hook in HOOKS]
    return RuleSet(chains, ("PREROUTING", "POSTROUTING"), tracks, hooks)


def _read(section: Section, line: str, offset: int, place: str, version: int) -> tuple[str, Rule]:
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise section.fault(f"a rule that cannot be cut into words: {error}", offset) from None
    if len(words) < 2:
        raise section.fault("a rule without a chain", offset)
    where, action = Where(), Action("other")
    at, refused = 2, False
    while at < len(words):
        word, value = words[at], words[at + 1] if at + 1 < len(words) else ""
        at += 1
        if word == "!":
            refused = True
            continue
        if word in _IGNORED:
            at += _IGNORED[word]
        elif word == "-j" and value in _TARGETS:
            # A target's own words are the last of a rule.
            action, at = _changing(value, words[at + 1 :]), len(words)
        elif word in ("-j", "-g"):
            action, at = _target(word, value), at + 1
        elif word == "--tcp-flags":
            where, at = where.and_also(Where(protocol="tcp", flags=True, odd=("! TCP flags",) if refused else ())), at + 2
        elif word == "--syn":
            where = where.and_also(Where(protocol="tcp", flags=True))
        elif word in ("--to-source", "--to-destination", "--to-ports"):
            action, at = _to(section, action, value, offset), at + 1
        else:
            where = where.and_also(_condition(section, word, value, refused, offset))
            at += 0 if value == "!" or (value.startswith("-") and len(value) > 1) else 1
        refused = False
    if action.what == "return" and where.odd in (("--ctstate INVALID",), ("--state INVALID",)):
        # It ends nothing for packets that are not.
        where, action = replace(where, odd=()), Action("other", unsaid=(DROPS_INVALID,))
    return words[1], Rule(place, where, action, version)


def _target(word: str, name: str) -> Action:
    ends = {"MASQUERADE": "masquerade", "SNAT": "snat", "DNAT": "dnat", "RETURN": "return", "ACCEPT": "accept", "DROP": "return"}
    if name in ends:
        return Action(ends[name])
    if name in ("REDIRECT", "NETMAP"):
        return Action("dnat", odd="" if name == "REDIRECT" else name)
    if name in ("LOG", "NFLOG", "MARK", "CONNMARK", "CT"):
        return Action("other")
    return Action("goto" if word == "-g" else "jump", target=name)


def _changing(name: str, words: list[str]) -> Action:
    """What a target does that changes packets, or takes them elsewhere."""
    after = dict(pairwise([*words, ""]))

    def number(word: str) -> int:
        text = after.get(word, "").split("/")[0]
        return int(text, 0) if re.fullmatch(r"0x[0-9a-f]{1,4}|0|[1-9][0-9]{0,4}", text) else -1

    if _TARGETS[name]:
        word = {"TCPMSS": "--set-mss", "TTL": "--ttl-set", "HL": "--hl-set", "DSCP": "--set-dscp", "TOS": "--set-tos"}[name]
        value = CLAMP if "--clamp-mss-to-pmtu" in after else number(word) >> (2 if name == "TOS" else 0)
        if not 0 <= value <= _TARGETS[name]:
            return Action("other", unsaid=(f"{name} {' '.join(words)}"[:60],))
        own = Edit("iptables", "", "")
        match name:
            case "TCPMSS":
                said = replace(own, mss=value)
            case "TTL" | "HL":
                said = replace(own, ttl=value)
            case _:
                said = replace(own, dscp=value)
        return Action("other", edits=(said,))
    if name == "NFQUEUE":
        return Action("other", edits=(Edit("nfqueue", "", ""),))
    word = {"CHECKSUM": FILL, "TPROXY": "tproxy", "SYNPROXY": "synproxy", "ECN": "ecn", "FLOWOFFLOAD": FLOW}.get(name, "")
    if name in ("CT", "NOTRACK"):
        word = "notrack" if name == "NOTRACK" or "--notrack" in words else ""
    return Action("other", unsaid=(word,) if word else ())


def _to(section: Section, action: Action, value: str, offset: int) -> Action:
    """``1.2.3.4``, ``1.2.3.4-1.2.3.9:1000-2000``, ``[2001:db8::1]:80`` or, of --to-ports, ``1000-2000``."""
    if re.fullmatch(r"\d+(-\d+)?", value):
        first, dash, _ = value.partition("-")
        return replace(action, port=0 if dash else number_of(first), several=bool(dash))
    match = re.fullmatch(r"\[?([0-9a-fA-F:.]*?)\]?(-\[?[0-9a-fA-F:.]+?\]?)?(?::(\d+)(-\d+)?)?", value)
    if value.count(":") > 1 and "[" not in value:
        match = re.fullmatch(r"([0-9a-fA-F:.]+)(-[0-9a-fA-F:.]+)?()()", value)
    try:
        if match is None:
            raise ValueError(f"{value[:40]!r}")
        address = str(ip_address(match[1])) if match[1] else ""
    except ValueError as error:
        raise section.fault(f"a rule that translates to what is no address: {error}", offset) from None
    port = 0 if match[4] else number_of(match[3])
    return replace(action, address=address, port=port if port < 0x10000 else 0, several=bool(match[2] or match[4]))


def _condition(section: Section, word: str, value: str, refused: bool, offset: int) -> Where:
    odd = Where(odd=(f"{'! ' if refused else ''}{word} {value}"[:60],))
    if word in ("-i", "--in-interface"):
        return Where(not_into=frozenset({value})) if refused else Where(into=frozenset({value}))
    if word in ("-o", "--out-interface"):
        return Where(not_out=frozenset({value})) if refused else Where(out=frozenset({value}))
    if word in ("-s", "-d", "--source", "--destination"):
        try:
            text = str(ip_network(value, strict=False))
        except ValueError as error:
            raise section.fault(f"a rule with an address that is none: {error}", offset) from None
        if word in ("-d", "--destination"):
            return Where(not_destinations=(text,)) if refused else Where(destinations=(text,))
        return Where(not_sources=(text,)) if refused else Where(sources=(text,))
    if word == "--mark":
        return Where() if refused else Where(odd=(MARK,))
    if refused:
        return odd
    if word in ("-p", "--protocol"):
        return Where(protocol=value) if value in ("tcp", "udp") else odd
    if word in ("--dport", "--destination-port", "--dports"):
        ports = tuple(number_of(part) for part in value.split(","))
        return Where(ports=ports) if all(0 < port < 0x10000 for port in ports) else odd
    if word == "--dst-type" and value == "LOCAL":
        return Where(local=True)
    return odd

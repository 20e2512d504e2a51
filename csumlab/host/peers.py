"""Other ends of tunnels that ``ip link`` does not tell: peers of WireGuard, sessions of L2TP, transformations of IPsec."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network
from itertools import pairwise

from csumlab.host.dump import Section, number_of


@dataclass(frozen=True, slots=True)
class Peers:
    """The peers of a WireGuard device that have an address and a port, and how many have none (they come from anywhere)."""

    known: tuple[tuple[str, int], ...] = ()
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class Session:
    """An L2TP device's tunnel. ``port`` is the UDP port of the other end, 0 if it travels in IP; ``summed``: it makes UDP sums;
    ``verified``: over IPv6 it takes none without."""

    local: str
    remote: str
    port: int = 0
    summed: bool = False
    verified: bool = True


@dataclass(frozen=True, slots=True)
class Transformation:
    """What an outgoing policy of IPsec does to packets ``to`` a prefix. ``port`` is the UDP port of the other end if ESP travels in UDP, 0
    if it does not. ``problem`` says why the policy has no place in the model."""

    to: str
    local: str
    remote: str
    transport: bool = False
    port: int = 0
    problem: str = ""


def read_wireguard(section: Section) -> Mapping[str, Peers]:
    """``wg show all endpoints``, behind the word "endpoints", by device."""
    found: dict[str, Peers] = {}
    for line in section.text.split("\n"):
        words = line.split()
        if len(words) != 4 or words[0] != "endpoints":
            continue
        match = re.fullmatch(r"\[?([0-9a-fA-F.:]+)(?:%\w+)?\]?:(\d{1,5})", words[3])
        peers = found.get(words[1], Peers())
        if match is None or not _is_address(match[1]):
            found[words[1]] = replace(peers, unknown=peers.unknown + 1)
        else:
            found[words[1]] = replace(peers, known=(*peers.known, (match[1], number_of(match[2]))))
    return found


def read_sessions(tunnels: Section, sessions: Section) -> Mapping[str, Session]:
    """``ip l2tp show tunnel`` and ``show session``, by device."""
    ends: dict[str, Session] = {}
    number = ""
    for line in tunnels.text.split("\n"):
        words = line.replace(",", " ").split()
        if words[:1] == ["Tunnel"] and len(words) > 1:
            number = words[1]
        elif words[:1] == ["From"] and len(words) == 4:
            ends[number] = Session(words[1], words[3])
        elif "ports:" in words and number in ends:
            ends[number] = replace(ends[number], port=number_of(words[-1].partition("/")[2]))
        elif words[1:2] == ["checksum:"] and number in ends:
            # Over IPv6 "tx" or "rx" if only one of both is on (iproute2 ip/ipl2tp.c print_tunnel).
            ends[number] = replace(
                ends[number], summed=not {"enabled", "tx"}.isdisjoint(words), verified=not {"enabled", "rx"}.isdisjoint(words)
            )
    found = {}
    number = ""
    for line in sessions.text.split("\n"):
        words = line.split()
        if words[:1] == ["Session"] and words[2:4] == ["in", "tunnel"]:
            number = words[-1]
        elif words[:2] == ["interface", "name:"] and len(words) == 3 and number in ends:
            found[words[2]] = ends[number]
    return found


def read_transformations(policies: Section, states: Section) -> tuple[Transformation, ...]:
    """``ip xfrm policy`` and ``ip xfrm state``: what leaves encrypted. Each policy begins at the margin (iproute2 ip/ipxfrm.c)."""
    ports = _ports(states)
    found = []
    for entry in _entries(policies):
        words = entry.split()
        after = _following(words)
        if after.get("dir") != "out" or "tmpl" not in words or after.get("action") == "block":
            continue
        to = after.get("dst", "")
        inner = _following(words[words.index("tmpl") + 1 :])
        local, remote = inner.get("src", ""), inner.get("dst", "")
        problem = ""
        if inner.get("proto") != "esp" or words.count("tmpl") > 1:
            problem = "not ESP alone"
        elif inner.get("mode") not in ("tunnel", "transport"):
            problem = f"mode {inner.get('mode')}"
        elif "proto" in words[: words.index("tmpl")]:
            problem = "for one protocol or port only"
        elif not all(_is_address(end) and not ip_address(end).is_unspecified for end in (local, remote)):
            problem = "its ends are not addresses"
        else:
            try:
                to = str(ip_network(to))
            except ValueError:
                problem = f"for {to[:40]!r}, which is no prefix"
        found.append(Transformation(to, local, remote, inner.get("mode") == "transport", ports.get((local, remote), 0), problem))
    return tuple(found)


def _entries(section: Section) -> list[str]:
    """What stands at the margin with the lines behind it that do not."""
    found: list[str] = []
    for line in section.text.split("\n"):
        if line[:1].isspace() and found:
            found[-1] += " " + line
        elif line.strip():
            found.append(line)
    return found


def _following(words: list[str]) -> Mapping[str, str]:
    """What stands behind each word, where it stands first: what a packet is chosen by comes before what is done to it."""
    found: dict[str, str] = {}
    for word, following in pairwise(words):
        found.setdefault(word, following)
    return found


def _ports(states: Section) -> Mapping[tuple[str, str], int]:
    """The UDP port that ESP goes to, by both ends, where it travels in UDP (RFC 3948)."""
    found = {}
    for entry in _entries(states):
        after = _following(entry.split())
        if after.get("type") == "espinudp":
            found[after.get("src", ""), after.get("dst", "")] = number_of(after.get("dport"))
    return found


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def read_pppoe(section: Section) -> tuple[str, ...]:
    """The devices that PPPoE sessions are on (/proc/net/pppoe; drivers/net/ppp/pppoe.c pppoe_seq_show): which session is which PPP
    device's it does not say."""
    rows = (line.split() for line in section.text.split("\n")[1:])
    return tuple(dict.fromkeys(row[2] for row in rows if len(row) == 3))

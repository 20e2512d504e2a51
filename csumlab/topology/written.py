"""A topology as the TOML that reads as it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping

from csumlab.tables import ETHERNET_MTU
from csumlab.topology.model import Topology
from csumlab.topology.rules import Prefix


def to_toml(topology: Topology) -> str:
    """A topology as text that :func:`parse_topology` reads back."""
    lines = [f"{word} = {_quoted(value)}" for word, value in (("name", topology.name), ("at", topology.at)) if value]
    for domain in topology.domains.values():
        lines += ["", f"[domain.{_bare(domain.name)}]", f"preset = {_quoted(domain.preset)}"]
        said = [word for word in ("forwarding", "conntrack", "drops_invalid", "outside") if getattr(domain, word)]
        lines += [f"{word.replace('_', '-')} = true" for word in said]
        lines += [f"moves-to = {_quoted(domain.moves_to)}"] if domain.moves_to else []
        lines += [f"program = {_quoted(domain.program)}"] if domain.program else []
        lines += [f"flowtable = [{', '.join(map(_quoted, domain.flowtable))}]"] if domain.flowtable else []
        lines += [f"segments = [{', '.join(map(_quoted, domain.segments))}]"] if domain.segments else []
        pairs = ", ".join(f"{_quoted(segment)} = {_quoted(via)}" for segment, via in domain.neighbours.items())
        lines += [f"neighbours = {{ {pairs} }}"] if pairs else []
        lines += [f"backported = [{', '.join(map(_quoted, domain.backported))}]"] if domain.backported else []
        lines += [f"sysctl = {_inline(domain.sysctl)}"] if domain.sysctl else []
        for device in domain.devices.values():
            lines += ["", f"[domain.{_bare(domain.name)}.device.{_bare(device.name)}]", f"kind = {_quoted(device.kind.value)}"]
            if device.mac is not None:
                lines.append(f"mac = {_quoted(device.mac.to_bytes(6, 'big').hex(':'))}")
            if device.addresses:
                lines.append(f"address = [{', '.join(map(_quoted, device.addresses))}]")
            for word in ("tc_in", "tc_out"):
                if getattr(device, word):
                    name, inward = device.diverted(word.removeprefix("tc_"))
                    text = f"ingress redirect {name}" if inward else f"redirect {name}"
                    lines.append(f"{word.replace('_', '-')} = {_quoted(text)}")
            for word in (
                "bridge",
                "wire",
                "local",
                "remote",
                "encap",
                "virtio",
                "xdp",
                "lower",
                "mode",
                "bond",
                "active",
                "card",
                "reader",
            ):
                if getattr(device, word):
                    lines.append(f"{word} = {_quoted(getattr(device, word))}")
            lines += [f"segments = [{', '.join(map(_quoted, device.segments))}]"] if device.segments else []
            if device.peer is not None:
                lines.append(f"peer = {_quoted(str(device.peer))}")
            lines += [f"{word} = {count}" for word, count in (("slots", device.slots), ("fatal-slots", device.fatal_slots)) if count]
            if device.mtu != ETHERNET_MTU:
                lines.append(f"mtu = {device.mtu}")
            lines += [f"{word} = {value}" for word, value in (("port", device.port), ("id", device.id)) if value]
            for word in ("features", "xenstore", "options"):
                if getattr(device, word):
                    lines.append(f"{word} = {_inline(getattr(device, word))}")
        for route in domain.routes:
            lines += [
                "",
                f"[[domain.{_bare(domain.name)}.route]]",
                f"to = {_quoted(_prefix(route.to))}",
                f"device = {_quoted(route.device)}",
            ]
            lines += [f"via = {_quoted(str(route.via))}"] if route.via else []
        for rule in domain.nat:
            lines += ["", f"[[domain.{_bare(domain.name)}.nat]]", f"kind = {_quoted(rule.kind.value)}", f"device = {_quoted(rule.device)}"]
            prefixes = (("source", rule.source), ("destination", rule.destination))
            lines += [f"{word} = {_quoted(_prefix(prefix))}" for word, prefix in prefixes if prefix]
            lines += [f"protocol = {_quoted(rule.protocol)}"] if rule.protocol else []
            lines += [f"port = {rule.port}"] if rule.port else []
            lines += [f"address = {_quoted(str(rule.address))}"] if rule.address else []
            lines += [f"to-port = {rule.to_port}"] if rule.to_port else []
            lines += [f"by = {_quoted(rule.by)}"] if rule.by != "conntrack" else []
            lines += [f"{word} = {_quoted(getattr(rule, word))}" for word in ("program", "helper") if getattr(rule, word)]
        for wide in domain.nat64:
            lines += ["", f"[[domain.{_bare(domain.name)}.nat64]]", f"prefix = {_quoted(_prefix(wide.prefix))}"]
            lines += [f"address = {_quoted(str(wide.address))}", f"inside = {_quoted(_prefix(wide.inside))}", f"by = {_quoted(wide.by)}"]
        for onward in domain.multicast:
            lines += ["", f"[[domain.{_bare(domain.name)}.multicast]]", f"device = {_quoted(onward.device)}", f"to = {_quoted(onward.to)}"]
            lines += [f"group = {_quoted(_prefix(onward.group))}"] if onward.group else []
        for taken in domain.local:
            lines += ["", f"[[domain.{_bare(domain.name)}.local]]"]
            lines += [f"{word} = {_quoted(getattr(taken, word))}" for word in ("device", "protocol") if getattr(taken, word)]
            lines += [f"to = {_quoted(_prefix(taken.to))}"] if taken.to else []
            lines += [f"port = {taken.port}"] if taken.port else []
            lines += ["as-client = true"] if taken.as_client else []
        for copy in domain.copies:
            lines += ["", f"[[domain.{_bare(domain.name)}.copy]]"]
            told = {word: getattr(copy, word) for word in ("device", "way", "to", "protocol")}
            lines += [f"{word} = {_quoted(text)}" for word, text in told.items() if text]
        for edit in domain.edits:
            lines += ["", f"[[domain.{_bare(domain.name)}.edit]]"]
            words = ("by", "device", "way", "protocol", "strip", "program")
            lines += [f"{word} = {_quoted(getattr(edit, word))}" for word in words if getattr(edit, word)]
            lines += [f"{word} = {getattr(edit, word)}" for word in ("dscp", "ttl", "ecn", "mss") if getattr(edit, word) is not None]
            lines += ["timestamps = true"] if edit.timestamps else []
            lines += [f"sums = [{', '.join(map(_quoted, edit.sums))}]"] if edit.sums else []
    return "\n".join(lines).lstrip("\n") + "\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _bare(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _quoted(name)


def _inline(table: Mapping[str, bool]) -> str:
    return "{ " + ", ".join(f"{_bare(word)} = {'true' if value else 'false'}" for word, value in table.items()) + " }"


def _prefix(prefix: Prefix) -> str:
    network = ipaddress.IPv4Network if prefix.version == 4 else ipaddress.IPv6Network
    return str(network((prefix.low, prefix.length)))

"""Which rule rewrites a packet where: those without a memory for connections, in the order in which the topology names them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

from csumlab import programs
from csumlab.interpreting import Translation
from csumlab.packet import Header, outer_ip, outer_transport
from csumlab.stage import Stage
from csumlab.stages import programs as queues
from csumlab.stages import rewriters
from csumlab.stages.helpers import looks_at
from csumlab.topology.model import Device, Domain
from csumlab.topology.presets import PRESETS
from csumlab.topology.rules import Edit, Nat, exact_port, first_of, is_of, is_port


def edits(
    domain: Domain, device: Device, way: str, whose: Collection[str], headers: Callable[[], tuple[Header, ...]]
) -> Iterator[tuple[Stage, Translation, tuple[str, ...]]]:
    """Tables with what they are to edit and how the program behaves that does it, for a packet that passes ``device`` on its ``way``;
    ``headers`` are asked for before each rule, as the rule before may have changed them."""
    rules: tuple[Nat | Edit, ...] = (*domain.nat, *domain.edits)
    for rule in rules:
        if rule.by not in whose or rule.device != device.name:
            continue
        ip, transport = outer_ip(headers()), outer_transport(headers())
        if ip is None:
            continue
        if isinstance(rule, Nat):
            found = _translation(rule, device, way, ip, transport)
            if found is not None:
                yield from _done_by(domain, rule, found)
        elif rule.way == way and rule.by == "act-csum":
            yield from ((stage, Translation(), ()) for stage in _summers(domain, rule, transport, way))
        elif rule.way == way and is_of(rule.protocol, transport):
            words = {name: getattr(rule, name) for name in ("dscp", "ttl", "ecn", "mss", "timestamps")}
            yield from _done_by(domain, rule, Translation(**words, strip=rewriters.OPTIONS.get(rule.strip, 0)))


def mentions(helper: str, before: tuple[Header, ...], after: tuple[Header, ...], way: str) -> Translation | None:
    """What a helper looks for in a packet that was translated, by its headers ``before`` and ``after`` that; None if it does not look at
    such packets. Numbers of TCP are those of the side whose addresses were rewritten earlier, "out" the packet's own; texts of one length
    leave it to a port to change that."""
    ip, translated = outer_ip(before), outer_ip(after)
    if ip is None or translated is None or not any(looks_at(helper, outer_transport(headers)) for headers in (before, after)):
        return None
    sides = ((ip.source, translated.source), (ip.destination, translated.destination))
    found = next(((old, new) for old, new in sides if old != new and old is not None and new is not None), None)
    if found is None:
        return None
    more = len(str(found[1])) - len(str(found[0])) or 1
    sequence, acknowledgment = (more, 0) if way == "out" else (0, more)
    return Translation(mentioned=found, sequence=sequence, acknowledgment=acknowledgment, helper=helper)


def _done_by(domain: Domain, rule: Nat | Edit, edit: Translation) -> Iterator[tuple[Stage, Translation, tuple[str, ...]]]:
    if rule.by == "nfqueue":
        words = programs.behaviours(rule.program)
        yield from ((stage, edit, words) for stage in (queues.NFQUEUE, queues.QUEUE_VERDICT, queues.QUEUE_EDIT))
    else:
        yield from ((_stage(domain, rule.by), one, ()) for one in _statements(edit))


def _statements(edit: Translation) -> Iterator[Translation]:
    """One for each statement of nft, the port's first; whole for all others."""
    if edit.by == "nft" and edit.in_transport:
        yield replace(edit, source=None, destination=None)
        edit = replace(edit, source_port=None, destination_port=None)
    yield edit


def _stage(domain: Domain, by: str) -> Stage:
    return PRESETS[domain.preset].editors[by]


def _summers(domain: Domain, rule: Edit, transport: Header | None, way: str) -> Iterator[Stage]:
    if transport is not None and transport.layer.name.lower() in rule.sums:
        editors = PRESETS[domain.preset].editors
        yield editors.get(f"act-csum-{way}", editors["act-csum"])
    if "ip" in rule.sums:
        yield _stage(domain, "act-csum-ip")


def _translation(rule: Nat, device: Device, way: str, ip: Header, transport: Header | None) -> Translation | None:
    """What a rule makes of the address and port on its side, None if it is not for this packet."""
    side = ip.destination if rule.of_destinations else ip.source
    if way != ("in" if rule.of_destinations else "out") or side is None or not is_of(rule.protocol, transport):
        return None
    number = exact_port(rule.to_port)
    if rule.of_destinations:
        target = rule.target(device.spans, side.version)
        if not rule.wants(side, device.spans) or not is_port(rule.port, transport.destination if transport else None):
            return None
        return None if target is None else Translation(destination=target, destination_port=number, by=rule.by)
    own = rule.address or first_of(device.spans, side.version)
    if own is None or own.version != side.version or (rule.source is not None and not rule.source.covers(side)):
        return None
    return Translation(source=own, source_port=number, by=rule.by)

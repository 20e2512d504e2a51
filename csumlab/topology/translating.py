"""Which translation rule a packet meets, and what it may do. Decides addresses, never checksums."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from csumlab.interpreting import Translation
from csumlab.packet import ANY_PORT, Header, Span
from csumlab.topology.forward import is_local
from csumlab.topology.model import Device, Domain, Topology
from csumlab.topology.rules import Nat, exact_port, first_of, is_of, is_port


def meant(transport: Header | None) -> Header | None:
    """The transport header by which a connection is known: of an ICMP error the one that it quotes, seen from the other side."""
    if transport is None or not transport.quotes:
        return transport
    quoted = next((header for header in transport.quote if not header.is_ip), None)
    return replace(quoted, source=quoted.destination, destination=quoted.source) if quoted else None


def translate_source(domain: Domain, leaving: Device, ip: Header, transport: Header | None) -> Translation | None:
    """What POSTROUTING does to a new connection that leaves by ``leaving``, or, for a DNAT rule, to its replies."""
    assert ip.source is not None
    assert ip.destination is not None
    transport = meant(transport)
    for rule in domain.tracked:
        if rule.of_destinations:
            found = rule.device == leaving.name and rule.target(leaving.spans, ip.source.version) == ip.source
            asker = rule.source is None or rule.source.covers(ip.destination)
            if found and asker and _is_of_version(rule, ip.source) and _is_reply(rule, transport):
                asked = next(rule.wanted(leaving.spans, ip.source.version), None)
                return Translation(source=asked, source_port=rule.asked_port, for_destinations=True, by=rule.by, helper=rule.helper)
        elif (
            rule.device == leaving.name
            and _is_of_version(rule, ip.source)
            and (rule.source is None or rule.source.covers(ip.source))
            and is_of(rule.protocol, transport)
            and not rule.port
        ):
            address = rule.address or first_of(leaving.spans, ip.source.version)
            if address is not None and address != ip.source:
                return Translation(source=address, source_port=exact_port(rule.to_port), by=rule.by, helper=rule.helper)
    return None


def translate_destination(
    topology: Topology, domain: Domain, entering: Device, ip: Header, transport: Header | None
) -> Iterator[tuple[str, Translation | None]]:
    """What PREROUTING may do to a packet that comes in by ``entering``: every possibility with a name. More than one where only the
    connection table, which was not seen, could tell."""
    assert ip.destination is not None
    assert ip.source is not None
    transport = meant(transport)
    for rule in domain.tracked:
        if not _is_of_version(rule, ip.destination):
            continue
        if rule.of_destinations:
            target = rule.target(entering.spans, ip.destination.version)
            if (
                rule.device == entering.name
                and target is not None
                and rule.wants(ip.destination, entering.spans)
                and (rule.source is None or rule.source.covers(ip.source))
                and is_of(rule.protocol, transport)
                and is_port(rule.port, transport.destination if transport else None)
            ):
                number = exact_port(rule.to_port)
                edit = Translation(destination=target, destination_port=number, for_destinations=True, by=rule.by, helper=rule.helper)
                yield (f"the rule to {target}", edit)
                return
        elif rule.device == entering.name and ip.destination in (rule.address, *entering.spans):
            inside = [
                span
                for span, port in topology.owners.items()
                if port.domain != domain.name
                and (rule.source is None or rule.source.covers(span))
                and span.version == ip.destination.version
                and not topology.domains[port.domain].outside
            ]
            if not is_local(domain, ip.destination):
                inside += hidden(rule, domain, ip.destination)
            if rule.source is None and not inside:
                continue
            if not inside and rule.source is not None:
                inside = [rule.source.span]
            for span in inside:
                port = ANY_PORT if rule.to_port else None
                yield (f"a reply to {span}", Translation(destination=span, destination_port=port, by=rule.by, helper=rule.helper))
            yield ("a packet to this host itself", None)
            return
    yield ("", None)


def hidden(rule: Nat, domain: Domain, shown: Span) -> list[Span]:
    """The addresses of a domain itself that its rule for sources shows as ``shown``: a rule to an address that is not the domain's own is
    for what its programs send too. IPVS sends back what it was asked from outside, and is not for these."""
    if rule.by == "ipvs":
        return []
    if rule.source is None:
        devices = [domain.devices[rule.device]] if rule.address == shown and not is_local(domain, shown) else []
    else:
        devices = list(domain.devices.values())
    found = [span for device in devices for span in device.spans if span != shown and span.version == shown.version]
    return [span for span in found if rule.source is None or rule.source.covers(span)]


def exchanges(topology: Topology, domain: Domain, ip: Header) -> Iterator[tuple[str, Translation | None]]:
    """What a translator between IPv4 and IPv6 may do to a packet that comes in: every possibility with a name, as
    :func:`translate_destination` has them."""
    assert ip.source is not None
    assert ip.destination is not None
    for rule in domain.nat64:
        put = partial(Translation, prefix=rule.prefix.span, shift=rule.shift, by=rule.by)
        if rule.address.version == 6:
            if rule.inside.covers(ip.source) and not is_local(domain, ip.destination):
                yield ("", put(rule.address, rule.within(ip.destination)))
                return
            if ip.destination != rule.address or not rule.prefix.covers(ip.source):
                continue
        elif rule.inside.covers(ip.source) and rule.prefix.covers(ip.destination):
            yield ("", put(rule.address, rule.without(ip.destination)))
            return
        if ip.destination == rule.address:
            source = rule.without(ip.source) if ip.source.version == 6 else rule.within(ip.source)
            hosts = [span for span, port in topology.owners.items() if rule.inside.covers(span) and port.domain != domain.name]
            for span in hosts:
                yield ("" if rule.inside.span.exact else f"NAT64 to {span}", put(source, span))
            if not hosts or (rule.address.version == 4 and is_local(domain, ip.destination)):
                yield ("a packet to this host itself", None)
            return
    yield ("", None)


def _is_of_version(rule: Nat, address: Span) -> bool:
    """Whether a rule is about this version of IP: one that names an address or a prefix is about that's only."""
    named = rule.address or rule.source or rule.destination
    return named is None or named.version == address.version


def _is_reply(rule: Nat, transport: Header | None) -> bool:
    return is_of(rule.protocol, transport) and is_port(rule.to_port or rule.port, transport.source if transport else None)

"""The headers that stand for an IP header and what it carries once IPv4 is exchanged for IPv6 or back (RFC 7915)."""

from __future__ import annotations

from dataclasses import replace

from csumlab.facts import FragmentRole
from csumlab.headers import Kind, Layer
from csumlab.interpreting import Translation
from csumlab.packet import (
    Header,
    Span,
    outer_ip,
    outer_transport,
)
from csumlab.symbolic.sums import Untold

_OTHER = {Layer.ICMP: (Layer.ICMPV6, Kind.ICMPV6), Layer.ICMPV6: (Layer.ICMP, Kind.ICMP)}


def exchanged(headers: tuple[Header, ...]) -> tuple[Header, Header]:
    """The headers that a translator between IPv4 and IPv6 changes. Raises Untold for a packet of which it is not known what it does."""
    ip, transport = outer_ip(headers), outer_transport(headers)
    if ip is None or transport is None or not _is_simple(ip, transport):
        raise Untold("only whole packets of TCP, UDP and ICMP are followed from one version of IP to the other")
    if transport.quotes and not _is_simple(*transport.quote[:2]):
        raise Untold("of ICMP errors only those about whole packets of TCP, UDP and echoes are followed to the other version of IP")
    return ip, transport


def _is_simple(ip: Header, transport: Header | None = None) -> bool:
    followed = transport is not None and transport.layer in (Layer.TCP, Layer.UDP, *_OTHER)
    return ip.is_ip and followed and not ip.extensions and ip.fragment is FragmentRole.WHOLE


def other_version(old: Header, edit: Translation, uid: int) -> Header:
    """The IP header that stands in the place of another. What came in fragments is cut again, and each has a longer header over IPv6."""
    layer, kind, more = (Layer.IPV6, Kind.NOTHING, 28) if old.layer is Layer.IPV4 else (Layer.IPV4, Kind.IPV4, -28)
    piece = max(old.piece + more, 0) if old.piece else 0
    return Header(uid, layer, kind, source=edit.source, destination=edit.destination, ttl_expires=old.ttl_expires, piece=piece)


def other_protocol(transport: Header) -> Header:
    """ICMP becomes ICMPv6 and the reverse; all else is the same over both."""
    layer, kind = _OTHER.get(transport.layer, (transport.layer, transport.kind))
    return replace(transport, layer=layer, kind=Kind.NOTHING if transport.kind is Kind.NOTHING else kind)


def in_prefix(span: Span | None, edit: Translation) -> Span | None:
    """An address as the translator's prefix holds it, or one of IPv4 taken out of the prefix; None if it is in no such place."""
    if span is None or edit.prefix is None:
        return None
    if span.version == 4:
        return Span(6, *(edit.prefix.low + (end << edit.shift) for end in (span.low, span.high)))
    if not edit.prefix.low <= span.low <= span.high <= edit.prefix.high:
        return None
    return Span(4, *(end - edit.prefix.low >> edit.shift for end in (span.low, span.high)))


def quoted_addresses(outer: Header, quoted: Header, edit: Translation) -> Translation:
    """What becomes of the addresses that an ICMP error quotes: the packet went the other way. The translator stands for one end, and the
    other one it finds by its prefix; who sent the error may be neither (RFC 7915 section 4.2)."""
    by_prefix = edit.source is not None and edit.source == in_prefix(outer.source, edit)
    destination = in_prefix(quoted.destination, edit) if by_prefix else edit.source
    return Translation(source=edit.destination, destination=destination, prefix=edit.prefix, shift=edit.shift)


def other_quote(outer: Header, transport: Header, edit: Translation, uid: int) -> tuple[Header, ...]:
    """The headers that an ICMP error quotes behind the translator; ``uid`` is that of the IP header."""
    ip, *rest = transport.quote
    return (other_version(ip, quoted_addresses(outer, ip, edit), uid), *map(other_protocol, rest))

"""The headers that stand for an IP header and what it carries once IPv4 is exchanged for IPv6 or back (RFC 7915)."""

from __future__ import annotations

from dataclasses import replace

from csumlab.facts import FragmentRole
from csumlab.headers import Kind, Layer
from csumlab.machine import Translation
from csumlab.packet import (
    Header,
    outer_ip,
    outer_transport,
)
from csumlab.symbolic.sums import Untold

_OTHER = {Layer.ICMP: (Layer.ICMPV6, Kind.ICMPV6), Layer.ICMPV6: (Layer.ICMP, Kind.ICMP)}


def exchanged(headers: tuple[Header, ...]) -> tuple[Header, Header]:
    """The headers that a translator between IPv4 and IPv6 changes. Raises Untold for a packet of which it is not known what it does."""
    ip, transport = outer_ip(headers), outer_transport(headers)
    simple = transport is not None and transport.layer in (Layer.TCP, Layer.UDP, *_OTHER) and not transport.quotes
    if ip is None or transport is None or not simple or ip.extensions or ip.fragment is not FragmentRole.WHOLE:
        raise Untold("only whole packets of TCP, UDP and echoes are followed from one version of IP to the other")
    return ip, transport


def other_version(old: Header, edit: Translation, uid: int) -> Header:
    """The IP header that stands in the place of another."""
    layer, kind = (Layer.IPV6, Kind.NOTHING) if old.layer is Layer.IPV4 else (Layer.IPV4, Kind.IPV4)
    return Header(uid, layer, kind, source=edit.source, destination=edit.destination, ttl_expires=old.ttl_expires)


def other_protocol(transport: Header) -> Header:
    """ICMP becomes ICMPv6 and the reverse; all else is the same over both."""
    layer, kind = _OTHER.get(transport.layer, (transport.layer, transport.kind))
    return replace(transport, layer=layer, kind=kind)

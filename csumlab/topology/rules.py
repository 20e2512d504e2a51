"""What a topology says beside devices: prefixes, routes, and rules that translate, edit, copy, or take what is for others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_network

from csumlab.packet import ANY_PORT, Header, Span


class NatKind(Enum):
    MASQUERADE = "masquerade"
    SNAT = "snat"
    DNAT = "dnat"
    REDIRECT = "redirect"


@dataclass(frozen=True, slots=True)
class Prefix:
    """An address range as numbers, both ends included."""

    version: int
    low: int
    high: int
    length: int

    @classmethod
    def parse(cls, text: str) -> Prefix:
        """From ``10.0.0.0/8``, a single address or ``default``. ValueError if it is none."""
        network = ip_network("0.0.0.0/0" if text == "default" else text, strict=False)
        return cls(network.version, int(network.network_address), int(network.broadcast_address), network.prefixlen)

    def covers(self, span: Span) -> bool:
        return span.version == self.version and span.within(self.low, self.high)

    @property
    def span(self) -> Span:
        return Span(self.version, self.low, self.high)

    def is_last(self, span: Span) -> bool:
        """Whether ``span`` is the network's broadcast address (RFC 919); one of two addresses or less has none (RFC 3021)."""
        return self.version == 4 == span.version and self.high - self.low > 1 and span.within(self.high, self.high)


@dataclass(frozen=True, slots=True)
class Route:
    to: Prefix
    device: str
    via: Span | None = None


def is_of(protocol: str, transport: Header | None) -> bool:
    """Whether a packet with this transport header is of ``protocol``, "" for any."""
    return not protocol or (transport is not None and transport.layer.name.lower() == protocol)


def is_port(number: int, port: Span | None) -> bool:
    """Whether a port is known to be this one, 0 for any."""
    return not number or (port is not None and port.within(number, number))


def exact_port(number: int) -> Span | None:
    """A rule's port, None for 0, which stands for none."""
    return Span(0, number, number) if number else None


def first_of(spans: Iterable[Span], version: int) -> Span | None:
    """The first address of this IP version."""
    return next((span for span in spans if span.version == version), None)


EVERYWHERE: Mapping[int, Span] = {4: Span(4, 0, 2**32 - 1), 6: Span(6, 0, 2**128 - 1)}
"""By IP version: any address at all."""


@dataclass(frozen=True, slots=True)
class Nat:
    """One rule. MASQUERADE and SNAT: packets from ``source`` that leave by ``device`` get ``address`` (of the device if None) and, if
    given, ``to_port``. DNAT: packets that come in by ``device`` to ``destination`` (None: to an address of the device; ``source``,
    ``protocol``, ``port`` if given) go to ``address``, ``to_port``. REDIRECT: they go to an address of the device itself, and without a
    ``destination`` whatever address they are for. ``by`` says who translates (stages/rewriters.py): what remembers no connection
    translates no replies. ``program`` is how the one behind nfqueue behaves (programs.py), ``helper`` who of conntrack looks at what they
    carry (stages/helpers.py)."""

    kind: NatKind
    device: str
    source: Prefix | None = None
    protocol: str = ""
    port: int = 0
    address: Span | None = None
    to_port: int = 0
    by: str = "conntrack"
    program: str = ""
    helper: str = ""
    destination: Prefix | None = None

    @property
    def of_destinations(self) -> bool:
        """Whether it translates where packets go, and not where they come from."""
        return self.kind in (NatKind.DNAT, NatKind.REDIRECT)

    @property
    def asked_port(self) -> Span | None:
        """The port that packets which a rule of destinations gives another one were for; None if it leaves ports alone."""
        return (exact_port(self.port) or ANY_PORT) if self.to_port else None

    def target(self, own: Iterable[Span], version: int) -> Span | None:
        """Where a rule of destinations sends packets of this IP version, on a device with these addresses: its first for REDIRECT
        (net/netfilter/nf_nat_redirect.c nf_nat_redirect_ipv4)."""
        found = first_of(own, version) if self.kind is NatKind.REDIRECT else self.address
        return found if found is not None and found.version == version else None

    def wants(self, destination: Span, own: Iterable[Span]) -> bool:
        """Whether a rule of destinations is for packets to there, on a device with these addresses."""
        if self.destination is not None:
            return self.destination.covers(destination)
        return self.kind is NatKind.REDIRECT or destination in own

    def wanted(self, own: Iterable[Span], version: int) -> Iterator[Span]:
        """What packets that a rule of destinations has translated were for, on a device with these addresses."""
        if self.destination is not None:
            yield from (self.destination.span,) if self.destination.version == version else ()
        elif self.kind is NatKind.REDIRECT:
            yield EVERYWHERE[version]
        else:
            yield from (span for span in own if span.version == version)


@dataclass(frozen=True, slots=True)
class Local:
    """What a host takes as its own although no device of it has the address, and answers from there: packets that come in by ``device``
    ("": any) ``to`` these addresses (None: any), of ``protocol`` and to ``port`` if given. TPROXY with its local route, AnyIP, addresses
    on the loopback device. ``as_client``: a proxy that takes them asks further on by the addresses of those who asked it."""

    device: str = ""
    to: Prefix | None = None
    protocol: str = ""
    port: int = 0
    as_client: bool = False

    def _serves(self, address: Span, transport: Header | None, port: Span | None) -> bool:
        return is_of(self.protocol, transport) and is_port(self.port, port) and (self.to is None or self.to.covers(address))

    def takes(self, device: str, source: Span | None, destination: Span, transport: Header | None) -> bool:
        """Whether a packet that comes in by ``device`` ends here: one to what is served, or the answer to a proxy."""
        asked, answered = (transport.destination, transport.source) if transport is not None else (None, None)
        if self.device in ("", device) and self._serves(destination, transport, asked):
            return True
        return self.as_client and device != self.device and source is not None and self._serves(source, transport, answered)

    def sends(self, source: Span, destination: Span, transport: Header | None) -> bool:
        """Whether the host may have sent a packet by these addresses: an answer, or what a proxy asks further on."""
        asked, answered = (transport.destination, transport.source) if transport is not None else (None, None)
        return self._serves(source, transport, answered) or (self.as_client and self._serves(destination, transport, asked))


EMBEDDED: Mapping[int, int] = {32: 64, 64: 24, 96: 0}
"""By the length of a prefix that holds IPv4 addresses: how many bits stand behind them. With other lengths RFC 6052 puts bits 64 to 71,
which are 0, in between."""


@dataclass(frozen=True, slots=True)
class Nat64:
    """A translator between IPv4 and IPv6 (RFC 6146): packets from ``inside`` to ``prefix`` become IPv4 packets from ``address``, and what
    comes to ``address`` goes inside. Or the other way round (RFC 6877): an ``address`` of IPv6 stands for ``inside``, of IPv4, and whoever
    that speaks to is in the ``prefix``. ``by`` says who translates (stages/translators.py)."""

    prefix: Prefix
    address: Span
    inside: Prefix
    by: str

    @property
    def shift(self) -> int:
        """How many bits of an IPv6 address stand to the right of an IPv4 address in the prefix."""
        return EMBEDDED[self.prefix.length]

    def within(self, span: Span) -> Span:
        """IPv4 addresses as the prefix holds them (RFC 6052 section 2.2)."""
        return Span(6, self.prefix.low + (span.low << self.shift), self.prefix.low + (span.high << self.shift))

    def without(self, span: Span) -> Span:
        return Span(4, span.low - self.prefix.low >> self.shift, span.high - self.prefix.low >> self.shift)


@dataclass(frozen=True, slots=True)
class MulticastRoute:
    """Packets to ``group`` (None: to every group of more than one link) that come in by ``device``, or leave by it from this host, are
    routed on ``to`` another device."""

    device: str
    to: str
    group: Prefix | None = None


@dataclass(frozen=True, slots=True)
class Copy:
    """Of what passes ``device`` on its ``way`` ("in" or "out"), of ``protocol`` if given, a copy leaves by the device ``to``."""

    device: str
    way: str
    to: str
    protocol: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """A rule that changes words that are no address and no port, of what passes ``device`` on its ``way`` ("in" or "out"): ``dscp``,
    ``ttl`` (also the hop limit), ``ecn`` (two bits), the ``mss`` of TCP, its ``timestamps``, the TCP option to
    ``strip``; or for ``by`` act-csum the ``sums`` that it makes anew: "ip" or a protocol; for ``by`` reject nothing: it refuses and
    answers. ``program`` as in Nat: one behind nfqueue may also edit nothing and only decide."""

    by: str
    device: str
    way: str
    protocol: str = ""
    dscp: int | None = None
    ttl: int | None = None
    ecn: int | None = None
    mss: int | None = None
    timestamps: bool = False
    strip: str = ""
    sums: tuple[str, ...] = ()
    program: str = ""

"""Whether the predicates of a row (``conditions.py``) hold for a packet with its carried state at its place."""

from __future__ import annotations

from csumlab.conditions import Given, Test
from csumlab.facts import FragmentRole
from csumlab.headers import Kind, Layer
from csumlab.interpreting import Packet, Setting, Translation
from csumlab.operations import ECN, Selector
from csumlab.packet import Header, Span, ip_of, left_to_far_end, outer_ip, outer_transport
from csumlab.state import Descriptor, NetBuffer, Skb, State, Virtio


def holds(given: Given, state: State, packet: Packet, setting: Setting, checked: list[int]) -> bool:
    """Whether a predicate holds. A real check is noted in ``checked``. A sum that is not there is neither right, wrong nor absent
    being asked for: such a predicate is false when asked plainly and true when negated, except that ``wrong`` or ``inexact`` of a missing
    sum is false."""
    headers = packet.headers
    result: bool
    match given.test:
        case Test.FEATURE:
            result = setting.features(given.argument)
        case Test.KNOB:
            result = setting.knobs(given.argument)
        case Test.CARRIES:
            transport = outer_transport(headers)
            result = transport is not None and transport.kind in given.argument
        case Test.AIMED_AT_TRANSPORT:
            transport = outer_transport(headers)
            result = transport is not None and isinstance(state, Skb) and state.start == transport.uid
        case Test.AIMED_AT:
            result = any(isinstance(state, Skb) and header.uid == state.start and header.kind in given.argument for header in headers)
        case Test.IP_VERSION:
            ip = _ip_meant(state, headers)
            result = ip is not None and ip.layer is (Layer.IPV4 if given.argument == 4 else Layer.IPV6)
        case Test.OUTER_VERSION:
            ip = outer_ip(headers)
            result = ip is not None and ip.layer is (Layer.IPV4 if given.argument == 4 else Layer.IPV6)
        case Test.TAGGED:
            result = bool(headers) and headers[0].layer is Layer.VLAN
        case Test.STACKED:
            result = len(headers) > 1 and headers[0].layer is headers[1].layer is Layer.VLAN
        case Test.ENCAPSULATED:
            result = isinstance(state, Skb) and state.encapsulation
        case Test.FRAGMENT:
            ip = outer_ip(headers)
            result = ip is not None and ip.fragment is not FragmentRole.WHOLE
        case Test.EXTENSIONS:
            ip = _ip_meant(state, headers)
            result = ip is not None and ip.layer is Layer.IPV6 and ip.extensions
        case Test.TTL_EXPIRES:
            ip = outer_ip(headers)
            result = ip is not None and ip.ttl_expires
        case Test.LONG:
            result = packet.long
        case Test.SEGMENTED:
            result = packet.segmented
        case Test.EXCEEDS:
            result = exceeds(packet, setting.mtu)
        case Test.PIECE_EXCEEDS:
            ip = outer_ip(headers)
            result = ip is not None and 0 < setting.mtu < ip.piece
        case Test.REASSEMBLED:
            ip = outer_ip(headers)
            result = ip is not None and ip.reassembled
        case Test.LISTED:
            ip = outer_ip(headers)
            result = ip is not None and (ip.listed or ip.reassembled)
        case Test.DONT_FRAGMENT:
            ip = outer_ip(headers)
            result = ip is not None and ip.dont_fragment
        case Test.BUNDLED:
            result = packet.bundled
        case Test.UNDIVIDED:
            result = packet.undivided > 0
        case Test.INSIDE:
            first = next((header for header in _inside(headers) if header.consumes), None)
            ip = ip_of(headers, first.uid) if first is not None else None
            result = first is not None and first.kind in given.argument and ip is not None and ip.fragment is FragmentRole.WHOLE
        case Test.TRAILER:
            result = packet.trailing
        case Test.ODD_LENGTH:
            ip = outer_ip(headers)
            result = ip is not None and packet.odd_length(ip.uid)
        case Test.INVALID:
            result = bool(getattr(state, "invalid", False))
        case Test.REMOTE:
            result = left_to_far_end(headers) is not None
        case Test.QUOTES:
            transport = outer_transport(headers)
            result = transport is not None and transport.quotes
        case Test.SHORT_QUOTE:
            transport = outer_transport(headers)
            quote = transport.quote if transport is not None else ()
            result = any(header.layer is Layer.TCP and header.kind is Kind.NOTHING for header in quote)
        case Test.SPOILT_QUOTE:
            transport = outer_transport(headers)
            result = transport is not None and any(header.spoilt for header in transport.quote)
        case Test.EDITS:
            result = setting.edit != Translation()
        case Test.EDITS_TRANSPORT:
            result = isinstance(setting.edit, Translation) and setting.edit.in_transport
        case Test.FOR_DESTINATIONS:
            result = isinstance(setting.edit, Translation) and setting.edit.for_destinations
        case Test.ODD_OPTION:
            result = isinstance(setting.edit, Translation) and bool(setting.edit.option) and packet.odd_option(setting.edit.option)
        case Test.CAME_MARKED:
            result = setting.came_marked == given.argument
        case Test.ECN:
            ip = outer_ip(headers)
            result = ip is not None and packet.marked(ip.uid, ECN[given.argument])
        case Test.MORE_SLOTS:
            result = setting.slots > setting.limits[given.argument]
        case Test.ABSENT:
            uid = select(given.argument, state, headers)
            result = uid is not None and packet.absent(uid)
        case Test.AGREES:
            uid = select(given.argument, state, headers)
            result = uid is not None and packet.agrees(uid)
        case Test.FILLS_TO_ZERO:
            uid = select(given.argument, state, headers)
            result = uid is not None and packet.fills_to_zero(uid)
        case Test.HEADED:
            result = next((header.layer for header in headers if header.layer is not Layer.VLAN), None) in given.argument
        case Test.TUNNEL:
            result = bool(_inside(headers))
        case Test.TO_PORT:
            transport = outer_transport(headers)
            result = (
                transport is not None and transport.kind is Kind.UDP and transport.destination == Span(0, given.argument, given.argument)
            )
        case Test.LENGTH:
            uid = select(Selector.AIMED, state, headers)
            said = [setting.lengths[name] for name in given.argument if name in setting.lengths]
            result = uid is not None and any(packet.is_of(one, uid) for one in said)
        case Test.MEASURED:
            uid = select(Selector.TRANSPORT, state, headers)
            result = uid is not None and packet.is_of(given.argument, uid)
        case Test.PASSES:
            uid = select(given.argument, state, headers)
            result = uid is None or packet.absent(uid) or packet.right(uid)
            if uid is not None and uid not in checked and not packet.absent(uid):
                checked.append(uid)
        case Test.RIGHT | Test.EXACT:
            uid = select(given.argument, state, headers)
            if uid is None:
                return False
            if uid not in checked:
                checked.append(uid)
            result = packet.right(uid) and (given.test is Test.RIGHT or packet.spelled(uid))
    return result is not given.negated


def select(target: Selector, state: State, headers: tuple[Header, ...]) -> int | None:
    """The uid of the header whose checksum ``target`` means, or None if the packet has no such sum."""
    if target is Selector.AIMED:
        return state.start if isinstance(state, Skb | Virtio | Descriptor | NetBuffer) else None
    if target is Selector.INNER:
        return next((header.uid for header in _inside(headers) if header.consumes), None)
    if target is Selector.INNER_IP:
        return next((header.uid for header in _inside(headers) if header.layer is Layer.IPV4), None)
    header = outer_ip(headers) if target is Selector.OUTER_IP else outer_transport(headers)
    return header.uid if header is not None and header.kind is not Kind.NOTHING else None


def exceeds(packet: Packet, mtu: int) -> bool:
    """Whether what goes onto a wire of the packet is longer than ``mtu``, 0 for one that does not matter. Of a super-frame only the
    fragments of one datagram have a length that is known (Linux net/core/gso.c skb_gso_validate_network_len)."""
    if packet.long:
        return 0 < mtu < packet.undivided
    ip = outer_ip(packet.headers)
    return ip is not None and ip.exceeds(mtu)


def _inside(headers: tuple[Header, ...]) -> tuple[Header, ...]:
    """What stands behind the second IP header."""
    return headers[next((n for n in [n for n, header in enumerate(headers) if header.is_ip][1:]), len(headers)) :]


def _ip_meant(state: State, headers: tuple[Header, ...]) -> Header | None:
    """The IP header of the sum aimed at, else the outermost."""
    if isinstance(state, Skb) and state.start is not None:
        return ip_of(headers, state.start)
    return outer_ip(headers)

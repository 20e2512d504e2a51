"""What travels beside a packet: carried checksum state, one frozen type per family of carriers.

``Skb`` is Linux since 2.6.19 (include/linux/skbuff.h, "Checksumming of packets"), ``XenSkb`` XenLinux 2.6.12 to 2.6.18 with its two
extra bits (Xen git history, net-csum.patch), ``Ring`` the Xen network ring (xen/include/public/io/netif.h), ``Virtio`` the header that
stands before a frame between a guest and a tap (include/uapi/linux/virtio_net.h), ``Descriptor`` what goes with a packet between a guest of
Hyper-V or ESXi and its host's virtual switch (drivers/net/hyperv/hyperv_net.h, drivers/net/vmxnet3/vmxnet3_defs.h), ``NetBuffer`` what
Windows' stack and its drivers tell each other (ndis/nblchecksum.h), ``Bare`` everything that carries nothing: a wire, a file, a user-space
program.

``project`` derives the claim about every checksum from the carried state; it is the only place that does.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from csumlab.headers import Kind
from csumlab.packet import Header, outer_ip, outer_transport


class Summed(Enum):
    """skb->ip_summed. ``HW`` exists in XenLinux only: must be computed on the way out (CHECKSUM_HW)."""

    NONE = "CHECKSUM_NONE"
    UNNECESSARY = "CHECKSUM_UNNECESSARY"
    COMPLETE = "CHECKSUM_COMPLETE"
    PARTIAL = "CHECKSUM_PARTIAL"
    HW = "CHECKSUM_HW"


class Claim(Enum):
    """What the carried state says about one checksum."""

    UNCHECKED = "unchecked"
    VERIFIED = "verified"
    MUST_COMPUTE = "must-compute"


@dataclass(frozen=True, slots=True)
class Skb:
    """Linux socket buffer. ``level`` is csum_level, ``start`` the uid of the header that csum_start points at (csum_offset is that
    header's field), ``encapsulation`` skb->encapsulation, ``invalid`` conntrack's INVALID mark. ``crc`` says that what is owed is a CRC32c
    (csum_not_inet, since 4.13)."""

    summed: Summed = Summed.NONE
    level: int = 0
    start: int | None = None
    encapsulation: bool = False
    invalid: bool = False
    crc: bool = False

    def __str__(self) -> str:
        text = self.summed.value
        if self.summed is Summed.PARTIAL and self.crc:
            text += " (CRC32c)"
        if self.summed is Summed.UNNECESSARY and self.level:
            text += f" level {self.level}"
        return text + (", INVALID" if self.invalid else "")


@dataclass(frozen=True, slots=True)
class XenSkb:
    """XenLinux socket buffer: ip_summed, proto_data_valid (``valid``) and proto_csum_blank (``blank``). ``invalid`` as in Skb."""

    summed: Summed = Summed.NONE
    valid: bool = False
    blank: bool = False
    invalid: bool = False

    def __str__(self) -> str:
        bits = [word for word, on in (("data_valid", self.valid), ("csum_blank", self.blank), ("INVALID", self.invalid)) if on]
        return ", ".join([self.summed.value, *bits])


@dataclass(frozen=True, slots=True)
class Ring:
    """A slot of the Xen network ring: two flags and no position."""

    blank: bool = False
    validated: bool = False

    def __str__(self) -> str:
        bits = [word for word, on in (("csum_blank", self.blank), ("data_validated", self.validated)) if on]
        return "ring: " + (", ".join(bits) or "no flag")


@dataclass(frozen=True, slots=True)
class Virtio:
    """struct virtio_net_hdr: NEEDS_CSUM (``needs``), DATA_VALID (``valid``), and in ``start`` the uid of the header that csum_start points
    at (csum_offset is that header's field). There is no place for a level and none for the kind of sum."""

    needs: bool = False
    valid: bool = False
    start: int | None = None

    def __str__(self) -> str:
        bits = [word for word, on in (("NEEDS_CSUM", self.needs), ("DATA_VALID", self.valid)) if on]
        return "virtio: " + (", ".join(bits) or "no flag")


@dataclass(frozen=True, slots=True)
class Descriptor:
    """NDIS_TCP_IP_CHECKSUM_INFO, or a descriptor of vmxnet3's rings. Towards the host: a sum is owed (``needs``) in the header with the uid
    ``start``, inside a tunnel if ``tunnel``, and with ``needs_ip`` that of the IPv4 header. Towards the guest: ``valid`` vouches for
    ``level`` + 1 sums, and ``blank_ip`` says that the IPv4 header was checked and its sum is gone (IpChecksumValueInvalid)."""

    needs: bool = False
    valid: bool = False
    start: int | None = None
    level: int = 0
    tunnel: bool = False
    blank_ip: bool = False
    needs_ip: bool = False

    def __str__(self) -> str:
        said = (
            ("owed", self.needs),
            ("in a tunnel", self.tunnel),
            ("IPv4 header's sum owed", self.needs_ip),
            ("succeeded", self.valid),
            ("no IPv4 sum", self.blank_ip),
        )
        bits = [word for word, on in said if on]
        return "descriptor: " + (", ".join(bits) + (f", level {self.level}" if self.level else "") or "no flag")


@dataclass(frozen=True, slots=True)
class NetBuffer:
    """NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO of Windows. To a driver: the sum of TCP or UDP in the header with the uid ``start`` is left
    to it (``needs``: TcpChecksum, UdpChecksum), and that of the IPv4 header is (``needs_ip``: IpHeaderChecksum), whose field is zero until
    then. From a driver: the sum of TCP or UDP was found right (``valid``) or wrong (``failed``), and that of the IPv4 header, if it is
    one, was (``valid_ip``, ``failed_ip``). If a driver says neither, the stack looks itself."""

    needs: bool = False
    needs_ip: bool = False
    start: int | None = None
    valid: bool = False
    failed: bool = False
    valid_ip: bool = False
    failed_ip: bool = False

    def __str__(self) -> str:
        said = (
            ("owed", self.needs),
            ("IPv4 header's sum owed", self.needs_ip),
            ("succeeded", self.valid),
            ("failed", self.failed),
            ("IPv4 succeeded", self.valid_ip),
            ("IPv4 failed", self.failed_ip),
        )
        return "NDIS: " + (", ".join(word for word, on in said if on) or "nothing")


@dataclass(frozen=True, slots=True)
class Bare:
    """Bytes and nothing beside them."""

    def __str__(self) -> str:
        return "bytes only"


State = Skb | XenSkb | Ring | Virtio | Descriptor | NetBuffer | Bare


def owed(state: State, headers: tuple[Header, ...]) -> int | None:
    """The uid of the checksum that the carried state says is still to be computed, or None."""
    match state:
        case Skb(summed=Summed.PARTIAL) | Virtio(needs=True) | Descriptor(needs=True) | NetBuffer(needs=True):
            return state.start
        case XenSkb() if state.blank or state.summed is Summed.HW:
            return _first_transport(headers)
        case Ring(blank=True):
            return _first_transport(headers)
    return None


def owed_header(state: State, headers: tuple[Header, ...]) -> int | None:
    """The uid of the IPv4 header whose own sum is still to be computed beside what is ``owed``, or None."""
    ip = outer_ip(headers)
    return ip.uid if isinstance(state, NetBuffer | Descriptor) and state.needs_ip and ip is not None and ip.kind is Kind.IPV4 else None


def project(state: State, headers: tuple[Header, ...]) -> dict[int, Claim]:
    """The claim about each checksum, by uid of its header.

    Linux: skb->ip_summed speaks of the headers that consume it, outermost first; an IPv4 header's own sum is covered by no claim but
    Windows' (net/ipv4/ip_input.c ip_rcv_core checks it always). UNNECESSARY vouches for level + 1 of them; PARTIAL for all before
    csum_start (include/linux/skbuff.h __skb_checksum_validate_needed). On a ring csum_blank goes before data_validated (drivers/net/
    xen-netback/netback.c xenvif_tx_submit): where it cannot be told what is blank, nothing counts as verified.
    """
    claims = {header.uid: Claim.UNCHECKED for header in headers if header.kind}
    consuming = [header.uid for header in headers if header.consumes]
    due = owed(state, headers)
    verified = 0
    match state:
        case Skb(summed=Summed.UNNECESSARY) | Descriptor(valid=True):
            verified = state.level + 1
        case (
            XenSkb(summed=Summed.UNNECESSARY)
            | XenSkb(valid=True)
            | Ring(validated=True, blank=False)
            | Virtio(valid=True)
            | NetBuffer(valid=True)
        ):
            verified = 1
    if due is not None and due in consuming:
        verified = consuming.index(due)
    for uid in consuming[:verified]:
        claims[uid] = Claim.VERIFIED
    ip = outer_ip(headers)
    if isinstance(state, NetBuffer) and state.valid_ip and ip is not None and ip.uid in claims:
        claims[ip.uid] = Claim.VERIFIED
    for left in (due, owed_header(state, headers)):
        if left in claims:
            claims[left] = Claim.MUST_COMPUTE
    return claims


def _first_transport(headers: tuple[Header, ...]) -> int | None:
    header = outer_transport(headers)
    return header.uid if header else None

"""The catalogue of findings: one entry a code, printed by ``csumlab explain CODE`` and from which docs/findings.md is made.

CSL0xx what is wrong already and is caught; CSL1xx a good packet leaves with a wrong checksum; CSL2xx a good packet is rejected; CSL3xx
damaged data is, or would be, accepted; CSL4xx damage is laundered; CSL5xx a boundary drops the packet or cannot carry it; CSL9xx cannot
tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """A FINDING makes the exit status 1; a NOTE does not."""

    FINDING = "finding"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Entry:
    """One code. ``example`` is a scenario of captures/ that shows it, "" if the code has none."""

    code: str
    title: str
    what: str
    why: str
    cure: str
    references: tuple[str, ...]
    example: str = ""
    severity: Severity = Severity.FINDING


_CHECKSUM_OFFLOADS = "Linux Documentation/networking/checksum-offloads.rst"
_XEN_2006 = "xen-devel 2006-03, msg01027"

ENTRIES: tuple[Entry, ...] = (
    Entry(
        "CSL001",
        "a wrong checksum is caught",
        "The capture holds packets with a wrong sum, and whoever they are for verifies it and drops them.",
        "Somebody before the capture point damaged the data or wrote a wrong sum. From here on everything works as it should.",
        "Look for the cause before the capture point: capture closer to the sender.",
        ("RFC 1122 section 4.2.2.7",),
        "linux-6.1-wrong-from-outside",
    ),
    Entry(
        "CSL002",
        "the sum that came with a packet is wrong",
        "A card hands up the sum of the packet (CHECKSUM_COMPLETE), and where it is held against the packet it does not fit, although the packet's own checksum is right.",
        "The card summed other bytes than the kernel takes it to have, or somebody edited the packet and did not bring the sum up to date. The kernel sums the bytes itself: it writes 'hw csum failure' to its log and spends the time.",
        "ethtool -K DEVICE rx off, until the driver or the editor is mended (undo: rx on).",
        ("Linux include/linux/skbuff.h, Checksumming of packets", "Linux net/core/dev.c netdev_rx_csum_fault"),
        "card-complete-padding",
        severity=Severity.NOTE,
    ),
    Entry(
        "CSL101",
        "an unfinished checksum leaves the host",
        "The field holds the pseudo-header's sum only, and the packet leaves the machine like that.",
        "Somewhere inside, the note that the sum is still owed (CHECKSUM_PARTIAL, csum_blank) was lost, so nobody filled it.",
        "Fill before the note is lost: switch transmit checksumming off on the device before that boundary, or run a version that carries the note.",
        (_XEN_2006, _CHECKSUM_OFFLOADS),
        "xen-3.0.0-domu-router",
    ),
    Entry(
        "CSL102",
        "a translation breaks a checksum",
        "An address or port was rewritten and the sum was updated by the wrong rule.",
        "An unfinished sum follows addresses only, with the opposite sign; a finished one follows addresses and ports. The update took one for the other.",
        "See the finding: the smallest change that was tried in the model is printed.",
        ("RFC 1624", "Linux net/core/utils.c inet_proto_csum_replace4", "xen bugzilla 447"),
        "xen-3.0.0-napt",
    ),
    Entry(
        "CSL103",
        "a fill writes a wrong checksum",
        "A device or the kernel summed a packet that was finished already, summed bytes that do not belong to it, began with a wrong number, or wrote a UDP sum of zero as zero.",
        "A second fill turns a right sum back into the pseudo-header's; a trailer in the range is counted with it; a zero says that there is no sum.",
        "See the finding.",
        ("Linux net/core/dev.c skb_checksum_help",),
        "trailer-filled",
    ),
    Entry(
        "CSL104",
        "an unfinished checksum is sealed in a tunnel",
        "A VPN program encrypts a packet whose sum was never computed; the far end gets it like that and drops it.",
        "The note that the sum is still owed does not reach the program, and nobody can fill it once it is encrypted.",
        "Fill before the boundary where the note is lost.",
        (_XEN_2006,),
        "xen-3.0.0-vpn-domu",
    ),
    Entry(
        "CSL201",
        "a good packet is rejected inside the host",
        "A packet with intact data is dropped because its sum looks wrong to somebody who checks it.",
        "Its sum was unfinished or broken on the way, and the receiver was not told.",
        "See the finding.",
        (_CHECKSUM_OFFLOADS,),
        "kvm-router-dhcp",
    ),
    Entry(
        "CSL301",
        "a wrong checksum is accepted",
        "The capture holds packets with a wrong sum, and whoever they are for takes them without checking.",
        "They were marked as verified on the way though nobody verified them.",
        "Make the boundary that marks them honest, or stop trusting it.",
        (_XEN_2006, "Vijay Pandurangan, Linux kernel bug delivers corrupt TCP/IP data, 2016"),
        "xen-3.0.0-forwarded-damage",
    ),
    Entry(
        "CSL302",
        "an unfinished or broken checksum is believed",
        "The receiver takes a packet whose sum was never finished, or does not fit since it was edited, because it is marked as verified. "
        "Its data is intact.",
        "This is how the boundary was meant: harmless as long as the receiver keeps the packet to itself.",
        "Nothing to do for packets that end here.",
        (_XEN_2006,),
        severity=Severity.NOTE,
    ),
    Entry(
        "CSL303",
        "changed data is accepted",
        "Bytes of the payload were written over on the way, and whoever the packet is for takes it.",
        "An editor took them for a checksum that follows what it edits, and the datagram has no sum that would show it.",
        "See the finding.",
        ("Linux commit 4e1860a38637", "RFC 768"),
        "nft-fragments-unsummed-5.16",
    ),
    Entry(
        "CSL311",
        "damage would be accepted",
        "If data were damaged on this stretch, its checksum would show it, and yet the receiver would take it.",
        "Behind this stretch the packet is marked as verified though nobody verified it.",
        "See the finding.",
        (_XEN_2006,),
        "xen-3.0.0-forwarded-damage",
    ),
    Entry(
        "CSL312",
        "damage would not be noticed",
        "On this stretch no checksum protects the data.",
        "The sum is not computed yet, or there is none.",
        "Fill before this stretch.",
        ("RFC 1071",),
    ),
    Entry(
        "CSL401",
        "damage is laundered",
        "The capture holds packets with a wrong sum, and on the way they get a right one although nobody verified the data.",
        "A sum was recomputed over bytes that were never checked: the damage can no longer be seen.",
        "Never recompute what was not verified.",
        ("RFC 1071", _XEN_2006),
        "linux-6.1-super-frame-without-blank",
    ),
    Entry(
        "CSL411",
        "damage would be laundered",
        "If data were damaged on this stretch, its checksum would show it, but later somebody computes a new one over the damage.",
        "A sum is recomputed over bytes that were never checked.",
        "Verify before, or update by the difference.",
        ("RFC 1624",),
        "sctp-nat-damage",
    ),
    Entry(
        "CSL501",
        "a boundary drops the packet",
        "A good packet does not get through because what it carries cannot be said there.",
        "The boundary has no words for this state with this header stack.",
        "Fill before the boundary.",
        ("xen/include/public/io/netif.h",),
        "vxlan-ipv6-zero",
    ),
    Entry(
        "CSL502",
        "the packet is not forwarded",
        "The host that gets the packet does not pass it on.",
        "Forwarding is off or the TTL is used up; this has nothing to do with checksums.",
        "Check the topology: forwarding = true where a domain routes.",
        ("RFC 1812 section 5.3.1",),
        severity=Severity.NOTE,
    ),
    Entry(
        "CSL503",
        "a packet passes untranslated",
        "Connection tracking finds the sum wrong, calls the packet INVALID, and it leaves with its inside address.",
        "INVALID packets are neither translated nor dropped unless a rule says so.",
        "Drop them: nft add rule ... ct state invalid drop.",
        ("Linux net/netfilter/nf_nat_core.c nf_nat_inet_fn", "Linux Documentation/networking/nf_conntrack-sysctl.rst"),
        "linux-6.1-invalid-leak",
    ),
    Entry(
        "CSL504",
        "a frame takes more slots of the ring than the backend takes",
        "A super-frame of a guest is spread over so many pages that the host's netback drops it, or takes it for an attack and disables the interface.",
        "A slot holds at most one page. How many a frame takes depends on where its data lies in the guest's memory; limits differ between kernels and were never negotiated.",
        "Shorter super-frames: ethtool -K eth0 tso off in the guest (undo: tso on), or ip link set dev eth0 gso_max_size 57344 (undo: 65536). A higher fatal_skb_slots of xen_netback turns a disabled interface "
        "into a lost frame.",
        ("xen/include/public/io/netif.h XEN_NETIF_NR_SLOTS_MIN", "Xen security advisory 39", "linux commit 2810e5b9a773"),
        "xen-slots-disabled",
    ),
    Entry(
        "CSL505",
        "a frame would be lost after a migration",
        "The guest's frames fit this host's ring, and would not fit that of the host it is to be moved to.",
        "The limit of slots is the backend's own and is not negotiated.",
        "Before the move: ethtool -K eth0 tso off in the guest, or the same or a newer kernel on the next host.",
        ("xen/include/public/io/netif.h XEN_NETIF_NR_SLOTS_MIN",),
        "xen-slots-migration",
    ),
    Entry(
        "CSL506",
        "a watching program sees something else than the receiver",
        "A program that watches by a packet socket leaves packets out that the receiver takes, or takes those that the receiver drops.",
        "It sums the bytes before somebody fills them, does not sum what the receiver does, or believes a mark.",
        "Have it ask whether the sum is still owed (TP_STATUS_CSUMNOTREADY), or switch tx-checksumming off where it watches; do not switch its checks off.",
        ("Linux include/uapi/linux/if_packet.h", "Ptacek and Newsham, Insertion, Evasion, and Denial of Service, 1998"),
        "sensor-blind",
    ),
    Entry(
        "CSL507",
        "a disabled interface loses the packet",
        "An earlier frame of the guest took so many slots of the ring that the host's netback disabled the interface. This packet is behind it.",
        "netback neither takes nor hands on anything for a guest that it takes for an attacker. What else is said of such packets holds if the interface is enabled again.",
        "Mend what CSL504 says; then detach and attach the interface: xl network-detach and xl network-attach.",
        ("linux drivers/net/xen-netback/netback.c xenvif_fatal_tx_err", "linux drivers/net/xen-netback/interface.c xenvif_schedulable"),
        "xen-slots-disabled",
    ),
    Entry(
        "CSL901",
        "the capture contradicts the topology",
        "No sender that the topology allows would put these bytes on this port.",
        "The topology misses something, a setting is not what it says, or the packets were changed by something that is not modelled.",
        "If nobody has the source address, give it to a device; else compare `ethtool -k` with the topology, and say with --assume what is known. "
        'Who leaves the sums of IPv4 headers blank runs Windows: preset = "windows".',
        (),
    ),
    Entry(
        "CSL902",
        "cannot be told",
        "How the packet ends depends on something that is not known.",
        "The reason stands beside it.",
        "See the reason.",
        (),
        severity=Severity.NOTE,
    ),
)

CATALOGUE = {entry.code: entry for entry in ENTRIES}

BY_HARM = (
    "CSL401", "CSL301", "CSL303", "CSL101", "CSL104", "CSL102", "CSL103", "CSL201", "CSL501", "CSL503", "CSL001", "CSL411", "CSL311",
    "CSL312", "CSL901", "CSL502", "CSL302", "CSL002", "CSL902",
)  # fmt: skip
"""Damage that was taken for good, then packets that are lost, then what would happen to damage, then what cannot be told."""

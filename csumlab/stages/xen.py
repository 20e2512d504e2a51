"""The Xen network ring between netfront and netback, Linux drivers since 2.6.39 (IPv6 since 3.13), as tables.

A TCP super-frame whose slot does not say that its sum is owed is made to (rx_gso_checksum_fixup): segments will get sums of their own,
whatever the one of the whole holds.

The ring has two flags and no position: the receiver parses again (net/core/skbuff.c skb_checksum_setup). feature-no-csum-offload and
feature-ipv6-csum-offload are not here: they set the port's features, and egress resolution fills before the port's tap.
"""

from __future__ import annotations

from csumlab.behaviours import Measure
from csumlab.conditions import FRAGMENT, LONG, TAGGED, carries, measured, version
from csumlab.headers import Kind
from csumlab.operations import DROP, KEEP, Selector, write_pseudo
from csumlab.stage import SAME, Mended, Row, Stage, Token, differing, fresh, when
from csumlab.stages.patterns import OWED
from csumlab.state import Ring, Skb, Summed

_TO_PARTIAL = fresh(Skb, summed=Summed.PARTIAL, start=Token.AT_TRANSPORT)


def _super_frame() -> Row:
    return Row(
        when(Ring, blank=False),
        (LONG, carries(Kind.TCP)),
        write_pseudo(Selector.TRANSPORT),
        _TO_PARTIAL,
        "a super-frame without csum_blank: the pseudo-header sum is written anew over whatever was there (rx_gso_checksum_fixup)",
    )


def _encode(name: str, title: str, source: str) -> Stage:
    return Stage(
        name=name,
        title=title,
        source=source,
        table=(
            Row(OWED, (), KEEP, fresh(Ring, blank=True, validated=True), "the slot is flagged csum_blank and data_validated; there is no place for csum_start"),
            Row(when(Skb, summed=Summed.UNNECESSARY), (), KEEP, fresh(Ring, validated=True), "the slot is flagged data_validated: one level only"),
            Row(when(Skb, summed=(Summed.NONE, Summed.COMPLETE)), (), KEEP, fresh(Ring), "no flag: the other side checks for itself"),
        ),
    )  # fmt: skip


def _decode(name: str, title: str, source: str, loss: str) -> Stage:
    return Stage(
        name=name,
        title=title,
        source=source,
        table=(
            Row(when(Ring, blank=True), (TAGGED,), DROP, SAME, f"csum_blank on a frame that is not plain IP {loss}"),
            Row(when(Ring, blank=True), (FRAGMENT,), DROP, SAME, f"csum_blank on a fragment {loss}"),
            Row(when(Ring, blank=True), (carries(Kind.TCP, Kind.UDP),), KEEP, _TO_PARTIAL, "csum_blank: the outer TCP or UDP header is found again by parsing and is still to be computed"),
            Row(when(Ring, blank=True), (), DROP, SAME, f"csum_blank on something other than TCP or UDP {loss}"),
            _super_frame(),
            Row(when(Ring, validated=True), (), KEEP, fresh(Skb, summed=Summed.UNNECESSARY), "data_validated is believed"),
            Row(when(Ring), (), KEEP, fresh(Skb), "no flag: nothing is known"),
        ),
    )  # fmt: skip


NETFRONT_TRANSMIT = _encode("netfront-transmit", "netfront to the ring", "linux 6.1 drivers/net/xen-netfront.c xennet_start_xmit")
NETBACK_RECEIVE = _decode(
    "netback-receive",
    "netback from the ring",
    "linux 6.1 drivers/net/xen-netback/netback.c xenvif_tx_submit, checksum_setup",
    "is dropped without a word",
)
NETBACK_RECEIVE_3_13_RC = differing(
    NETBACK_RECEIVE,
    "netback-receive-3.13-rc",
    "linux 3.13-rc1 drivers/net/xen-netback/netback.c xenvif_tx_build_gops (PKT_PROT_LEN), checksum_setup; net/core/skbuff.c "
    "skb_partial_csum_set",
    {},
    {3: Row(when(Ring, blank=True), (carries(Kind.TCP, Kind.UDP), measured(Measure.REACH, 129)), DROP, SAME, "the field lies behind the 128 bytes that netback puts together, however the guest spread them over slots: csum_start cannot be set there, and the packet is dropped without a word", sure="derived", mended=Mended("Linux 3.13", "d52eb0d46f36"))},
)  # fmt: skip
NETBACK_TRANSMIT = _encode("netback-transmit", "netback to the ring", "linux 6.1 drivers/net/xen-netback/rx.c xenvif_rx_next_skb")
NETFRONT_RECEIVE = _decode(
    "netfront-receive",
    "netfront from the ring",
    "linux 6.1 drivers/net/xen-netfront.c handle_incoming_queue, checksum_setup",
    "is dropped and counted in rx_errors",
)


def _decode_ipv4(name: str, title: str, source: str, loss: str) -> Stage:
    """Until Linux 3.12: the driver parses IPv4 only and does not ask for fragments; what is behind the IPv4 header is taken for TCP or UDP."""
    return Stage(
        name=name,
        title=title,
        source=source,
        table=(
            Row(when(Ring, blank=True), (TAGGED,), DROP, SAME, f"csum_blank on a frame that is not plain IPv4 {loss}"),
            Row(when(Ring, blank=True), (~version(4),), DROP, SAME, f"csum_blank on IPv6 {loss}"),
            Row(when(Ring, blank=True), (carries(Kind.TCP, Kind.UDP),), KEEP, _TO_PARTIAL, "csum_blank: the TCP or UDP header is found again by parsing IPv4, also in the first of several fragments"),
            Row(when(Ring, blank=True), (), DROP, SAME, f"csum_blank on something other than TCP or UDP {loss}"),
            _super_frame(),
            Row(when(Ring, validated=True), (), KEEP, fresh(Skb, summed=Summed.UNNECESSARY), "data_validated is believed"),
            Row(when(Ring), (), KEEP, fresh(Skb), "no flag: nothing is known"),
        ),
    )  # fmt: skip


NETBACK_RECEIVE_IPV4 = _decode_ipv4(
    "netback-receive-3.12",
    "netback from the ring",
    "linux 3.12 drivers/net/xen-netback/netback.c xenvif_tx_submit, checksum_setup",
    "is dropped without a word",
)
NETFRONT_RECEIVE_IPV4 = _decode_ipv4(
    "netfront-receive-3.12",
    "netfront from the ring",
    "linux 3.12 drivers/net/xen-netfront.c handle_incoming_queue, checksum_setup",
    "is dropped and counted in rx_errors",
)

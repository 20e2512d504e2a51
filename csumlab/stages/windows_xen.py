"""Drivers of Windows for the Xen network ring, as tables: xenvif of the Xen project (with xennet above it), and James Harper's GPLPV for
Windows Vista and later. Both make the IPv4 header's sum, so that a capture on the vif shows it right.
"""

from __future__ import annotations

from csumlab.conditions import (
    ABSENT_TRANSPORT,
    FRAGMENT,
    LONG,
    carries,
    outer_version,
    right,
    wrong,
)
from csumlab.headers import Kind
from csumlab.operations import (
    KEEP,
    compute,
    write_pseudo,
)
from csumlab.stage import (
    Row,
    Stage,
    fresh,
    when,
)
from csumlab.stages.windows import AIMED, NOTHING, OUTER_IP, TRANSPORT
from csumlab.stages.windows_drivers import (
    ASKED,
    ASKED_BOTH,
    ASKED_IP,
    FAILED,
    IP_RIGHT,
    IP_WRONG,
    KNOWN,
    LOOKS,
    SUCCEEDED,
)
from csumlab.state import NetBuffer, Ring

_BLANK = fresh(Ring, blank=True, validated=True)
_XENVIF = "xenproject win-xenvif src/xenvif/"
XENVIF_TRANSMIT = Stage(
    name="xenvif-transmit",
    title="netfront to the ring",
    source=f"{_XENVIF}transmitter.c __TransmitterRingPrepareHeader, __TransmitterRingPostFragments",
    table=(
        Row(ASKED_BOTH, (), (*write_pseudo(AIMED), *compute(OUTER_IP)), _BLANK, "the driver makes the IPv4 header's sum, and the pseudo-header's anew with the length; the slot is flagged csum_blank and data_validated"),
        Row(ASKED, (), write_pseudo(AIMED), _BLANK, "the driver makes the pseudo-header's sum anew with the length; the slot is flagged csum_blank and data_validated"),
        Row(ASKED_IP, (), compute(OUTER_IP), fresh(Ring), "the driver makes the IPv4 header's sum; no flag"),
        Row(when(NetBuffer), (), KEEP, fresh(Ring), "nothing is asked for: no flag"),
    ),
)  # fmt: skip

XENVIF_RECEIVE = Stage(
    name="xenvif-receive",
    title="netfront from the ring",
    source=f"{_XENVIF}receiver.c ReceiverRingProcessChecksum, ReceiverRingProcessLargePacket; ReceiverCalculateChecksums is 1 unless the registry says otherwise",
    table=(
        Row(when(Ring, blank=True), (LONG, LOOKS), (*compute(TRANSPORT), *compute(OUTER_IP)), SUCCEEDED, "a super-frame: the driver makes both sums, whatever the IPv4 header's was, and calls them right"),
        Row(when(Ring), (LOOKS, wrong(OUTER_IP)), KEEP, IP_WRONG, "the driver sums the IPv4 header, which the ring says nothing of: its sum is wrong"),
        Row(when(Ring), (FRAGMENT, LOOKS), KEEP, IP_RIGHT, "of a fragment only the IPv4 header is looked at"),
        Row(when(Ring), (FRAGMENT,), KEEP, NOTHING, "rx-checksum is off: nothing is said"),
        Row(when(Ring, blank=True), (KNOWN, LOOKS), compute(TRANSPORT), SUCCEEDED, "csum_blank: the driver makes the sum, and data_validated is believed"),
        Row(when(Ring, blank=True), (KNOWN,), compute(TRANSPORT), NOTHING, "csum_blank: the driver makes the sum, and says nothing of it (rx-checksum is off)"),
        Row(when(Ring), (~LOOKS,), KEEP, NOTHING, "rx-checksum is off: nothing is said"),
        Row(when(Ring), (~KNOWN,), KEEP, IP_RIGHT, "the driver knows TCP and UDP; it has summed the IPv4 header, if it is one"),
        Row(when(Ring, validated=True), (), KEEP, SUCCEEDED, "data_validated is believed; the driver has summed the IPv4 header, if it is one"),
        Row(when(Ring), (ABSENT_TRANSPORT, outer_version(4)), KEEP, SUCCEEDED, "no flag: that there is no UDP sum over IPv4 counts as right"),
        Row(when(Ring), (right(TRANSPORT),), KEEP, SUCCEEDED, "no flag: the driver verifies the sum, which is right"),
        Row(when(Ring), (), KEEP, FAILED, "no flag: the driver verifies the sum, which is wrong"),
    ),
)  # fmt: skip

_GPLPV = "James Harper's win-pvdrivers (GPLPV) xennet/"
GPLPV_TRANSMIT = Stage(
    name="gplpv-transmit",
    title="netfront to the ring",
    source=f"{_GPLPV}xennet_tx.c XenNet_HWSendPacket",
    table=(
        Row(ASKED, (LONG,), (*write_pseudo(AIMED), *compute(OUTER_IP)), _BLANK, "a large send: the driver makes the IPv4 header's sum, and of the pseudo-header's one with the length, as Linux expects it; the slot is flagged csum_blank and data_validated"),
        Row(ASKED, (), compute(OUTER_IP), _BLANK, "the driver makes the IPv4 header's sum; the slot is flagged csum_blank and data_validated"),
        Row(ASKED_IP, (), compute(OUTER_IP), fresh(Ring), "the driver makes the IPv4 header's sum; no flag"),
        Row(when(NetBuffer), (), KEEP, fresh(Ring), "nothing is asked for: no flag"),
    ),
)  # fmt: skip

GPLPV_RECEIVE = Stage(
    name="gplpv-receive",
    title="netfront from the ring",
    source=f"{_GPLPV}xennet_rx.c XenNet_MakePacket (Windows Vista and later)",
    table=(
        Row(when(Ring, blank=True), (carries(Kind.TCP, Kind.UDP),), KEEP, SUCCEEDED, "csum_blank: the sum stays as it came and is called right, and so is the IPv4 header's, which nobody looked at", vouches=True),
        Row(when(Ring, validated=True), (carries(Kind.TCP, Kind.UDP),), KEEP, SUCCEEDED, "data_validated is believed, and taken as a word on the IPv4 header too, which nobody looked at", vouches=True),
        Row(when(Ring), (), KEEP, NOTHING, "no flag: nothing is said, and the stack looks itself"),
    ),
)  # fmt: skip

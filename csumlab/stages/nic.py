"""Physical network cards and what lies between them, as tables. Which behaviours there are is told by ``csumlab/cards.py``."""

from __future__ import annotations

from csumlab.cards import PTP_EVENTS, TUNNELS
from csumlab.conditions import (
    ABSENT_TRANSPORT,
    AIMED_AT_TRANSPORT,
    ENCAPSULATED,
    EXTENSIONS,
    FRAGMENT,
    LONG,
    SEGMENTED,
    TAGGED,
    TUNNEL,
    UNDIVIDED,
    aimed_at,
    carries,
    feature,
    fills_to_zero,
    headed,
    knob,
    of_length,
    outer_version,
    right,
    to_port,
    version,
)
from csumlab.headers import Kind, Layer
from csumlab.operations import (
    CUT,
    DROP,
    KEEP,
    MERGE,
    PAD,
    Coverage,
    Rule,
    Selector,
    carry,
    compute,
    fill,
    seal,
    segment,
    spoil,
    stamp,
    write_pseudo,
    write_zero,
)
from csumlab.stage import (
    ANY,
    SAME,
    Row,
    Stage,
    Token,
    fresh,
    when,
)
from csumlab.stages.patterns import FINISHED, OWED
from csumlab.state import Bare, Skb, Summed, Virtio

_BY_PROTOCOL = knob("tx-by-protocol")
_COMPLETE = fresh(Skb, summed=Summed.COMPLETE)
_R8152 = "linux drivers/net/usb/r8152.c r8152_tx_csum, r8152_csum_workaround"
_SMSC = "linux drivers/net/usb/smsc95xx.c smsc95xx_can_tx_checksum, smsc95xx_tx_fixup"
_JUMBO = (
    "linux drivers/net/ethernet/stmicro/stmmac/stmmac_main.c stmmac_fix_features; drivers/net/ethernet/marvell/mvneta.c mvneta_fix_features"
)
_PADS = "linux drivers/net/ethernet/realtek/r8169_main.c rtl8169_features_check; linux commit 20d1f2d1b024"
_ONE_STEP = "linux drivers/net/ethernet/freescale/enetc/enetc.c enetc_map_tx_buffs; linux 6.12.18 changelog, net: enetc: update UDP checksum when updating originTimestamp field"
_DSA = "linux net/dsa/tag_ocelot_8021q.c ocelot_defer_xmit; net/dsa/user.c dsa_user_setup (features of the conduit)"
_INNER = "netdev 2021-07-02, vmxnet3: fix cksum offload issues for tunnels with non-default udp ports; netdev 2020-09-25, vmxnet3: fix cksum offload issues for non-udp tunnels"
_UNKNOWN_PORT = (knob("tx-inner-ports"), ENCAPSULATED, *(~to_port(port) for port in TUNNELS))
_OF_DRIVERS = ("tx-start-limit", "tx-skips-short", "tx-skips-long", "tx-skips-end", "tx-sums-padding")
_NICVF = "ThunderX, 2017-11-10, net: thunderx: Fix TCP/UDP checksum offload for IPv6 pkts (nicvf_queues.c nicvf_sq_add_hdr_subdesc)"
_AST = "linux drivers/net/ethernet/faraday/ftgmac100.c ftgmac100_probe (aspeed,ast2500-mac)"
_CONTRACT = "linux 6.1 include/linux/skbuff.h, Checksumming of packets, CHECKSUM_PARTIAL and NETIF_F_IP_CSUM"

UNOFFERED = "unoffered"
"""The knob that says that the driver goes by what its device offers, and the sum that it is handed is none of that."""
_UNOFFERED = "linux 6.1 net/core/dev.c generic_xdp_tx (netdev_start_xmit without validate_xmit_skb); drivers/net/ethernet/8390/lib8390.c __ei_start_xmit sends bytes, drivers/net/ethernet/intel/ixgbe/ixgbe_main.c ixgbe_tx_csum and most go by ip_summed alone"

NIC_TRANSMIT = Stage(
    name="nic-transmit",
    title="card sends",
    source="linux 6.1 Documentation/networking/checksum-offloads.rst",
    table=(
        Row(OWED, (knob(UNOFFERED),), KEEP, fresh(Bare), "a generic XDP program has handed the frame to the driver past transmit feature resolution, and the card does not make what it does not offer: not filled", source=_UNOFFERED, sure="derived"),
        Row(OWED, (knob("tx-hangs"), ~aimed_at(Kind.TCP, Kind.UDP, Kind.SCTP)), DROP, SAME, "the card was asked for a sum of a protocol that it does not know and stops sending: this frame and those behind it are lost", source="linux commit c7d82913d5f9 (drivers/net/ethernet/wangxun/libwx/wx_lib.c wx_tx_csum); CVE-2025-22101"),
        Row(OWED, (knob("tx-drops-long6"), LONG, carries(Kind.TCP), outer_version(6)), DROP, SAME, "the driver prepares the sum of a super-frame over IPv6, and then takes it for one that it cannot send", source="linux 6.5.6 changelog, net: thunderbolt: Fix TCPv6 GSO checksum calculation (drivers/net/thunderbolt/main.c tbnet_xmit_csum_and_map)"),
        Row(OWED, (knob("tx-drops-ipv6"), outer_version(6)), DROP, SAME, "the driver asks for the sum of an IPv4 header too, and the card drops what has none", source=_NICVF, sure="derived"),
        Row(OWED, (knob("tx-skips-ipv6"), outer_version(6), LONG), segment(Selector.AIMED), fresh(Bare), "the card cuts the super-frame, and makes no sums over IPv6: the segments leave unfilled", source=_AST, sure="derived"),
        Row(OWED, (knob("tx-skips-ipv6"), outer_version(6)), KEEP, fresh(Bare), "the card makes no sums over IPv6, though it offers to: not filled", source=_AST, sure="derived"),
        Row(OWED, (knob("tx-one-sum"), LONG, ENCAPSULATED, ~ABSENT_TRANSPORT), (*segment(Selector.AIMED), *fill(Selector.AIMED), *write_pseudo(Selector.TRANSPORT)), fresh(Bare), "the card cuts the super-frame and fills one sum of each segment, the inner one: the outer ones leave as they are", source="linux commit 6d6727dddc7f, taken back by 64050cdad098", sure="derived"),
        Row(OWED, (knob("tx-missums-tunnels"), LONG, ENCAPSULATED), (*segment(Selector.AIMED), *fill(Selector.AIMED), *spoil(Selector.AIMED)), fresh(Bare), "the card cuts what is inside the tunnel and gets the sums of the segments wrong", source="linux drivers/net/ethernet/sfc/ef10.c efx_ef10_tx_tso_desc", sure="derived"),
        Row(OWED, (knob("tx-skips-ptp"), knob("tx-driver-fills"), to_port(PTP_EVENTS)), fill(Selector.AIMED), fresh(Bare), "the frame is put into the switch by registers: the driver fills it, as the port has the offer to sum from a conduit that the frame does not pass", source=_DSA),
        Row(OWED, (knob("tx-skips-ptp"), to_port(PTP_EVENTS)), KEEP, fresh(Bare), "the frame is put into the switch by registers and passes no engine for sums, although the port has the offer of its conduit: not filled", source=_DSA, sure="derived"),
        Row(OWED, (knob("tx-stamps"), to_port(PTP_EVENTS)), (*fill(Selector.AIMED), *stamp(Rule.LEAVE)), fresh(Bare), "the card fills the sum, then writes the time into the packet: the sum is of another time", source=_ONE_STEP, sure="derived"),
        Row(FINISHED, (knob("tx-stamps"), to_port(PTP_EVENTS)), stamp(Rule.LEAVE), fresh(Bare), "the time is written into the packet when its sum is made: the sum is of another time", source=_ONE_STEP),
        Row(FINISHED, (knob("tx-stamps-right"), to_port(PTP_EVENTS), ~ABSENT_TRANSPORT), stamp(Rule.ONES), fresh(Bare), "the time is written into the packet, and its sum follows by the difference", source=_ONE_STEP),
        Row(OWED, (knob("tx-blanks"), carries(Kind.TCP)), write_zero(Selector.AIMED), fresh(Bare), "the driver writes zero and tells the hypervisor that no sum is needed between partitions: so the frame goes across", source="linux drivers/net/ethernet/ibm/ibmveth.c ibmveth_start_xmit (IBMVETH_BUF_NO_CSUM, IBMVETH_BUF_CSUM_GOOD)"),
        Row(OWED, (knob("tx-unfilled"),), KEEP, fresh(Bare), "the card offers to sum and does not: the field leaves as it is", source="https://github.com/F-Stack/f-stack/issues/520"),
        Row(OWED, (UNDIVIDED,), (*fill(Selector.AIMED), *CUT), fresh(Bare), "the card sums the datagram, and cuts it into fragments", source="linux 4.13 drivers/net/ethernet/neterion/s2io.c s2io_xmit (TXD_UFO_EN)", sure="memory"),
        Row(OWED, (aimed_at(Kind.SCTP), feature("tx-checksum-sctp")), fill(Selector.AIMED, crc=True), fresh(Bare), "the card knows SCTP and makes its CRC", source="linux drivers/net/ethernet/intel/ixgbe/ixgbe_main.c ixgbe_tx_csum"),
        Row(OWED, (_BY_PROTOCOL, TAGGED), KEEP, fresh(Bare), "the card looks for an IP header by itself and finds none behind a tag: not filled", source=_CONTRACT),
        Row(OWED, (_BY_PROTOCOL, EXTENSIONS), KEEP, fresh(Bare), "the card looks for TCP and UDP right behind the IPv6 header and finds an extension header: not filled", source=_CONTRACT),
        Row(OWED, (_BY_PROTOCOL, ~AIMED_AT_TRANSPORT, carries(Kind.TCP, Kind.UDP), ~ABSENT_TRANSPORT), compute(Selector.TRANSPORT), fresh(Bare), "the card reads outer headers only: it makes the outer sum over what it finds, and the inner one leaves unfilled", source=_CONTRACT, sure="derived"),
        Row(OWED, (_BY_PROTOCOL, ~AIMED_AT_TRANSPORT), KEEP, fresh(Bare), "the card reads outer headers only, and finds no sum to fill there", source=_CONTRACT, sure="derived"),
        Row(OWED, (_BY_PROTOCOL, ~aimed_at(Kind.TCP, Kind.UDP)), KEEP, fresh(Bare), "the card knows TCP and UDP only: not filled", source=_CONTRACT),
        Row(OWED, (knob("tx-tunnel-ports"), TUNNEL, ~ENCAPSULATED, aimed_at(Kind.UDP)), KEEP, fresh(Bare), "the card knows a tunnel by its port and was not told of one: the outer sum is not filled", source="linux drivers/net/ethernet/hisilicon/hns3/hns3_enet.c hns3_tunnel_csum_bug"),
        Row(OWED, (*_UNKNOWN_PORT, LONG), segment(Selector.AIMED), fresh(Bare), "the card cuts what is in a tunnel that it does not know by its port, and leaves the sums inside as they are", source=_INNER, sure="derived"),
        Row(OWED, _UNKNOWN_PORT, KEEP, fresh(Bare), "the card fills inside of a tunnel only if it knows it by its port, and has offered to for all: not filled", source=_INNER),
        Row(OWED, (knob("tx-udp-zero"), aimed_at(Kind.UDP), fills_to_zero(Selector.AIMED)), write_zero(Selector.AIMED), fresh(Bare), "the sum comes out as 0 and is written so: the field says that there is none", source="qemu commit 0dacea92d26c"),
        Row(OWED, (knob("tx-driver-fills"), LONG, of_length("tx-start-limit", "tx-skips-long")), (*segment(Selector.AIMED), *fill(Selector.AIMED)), fresh(Bare), "the driver knows that the card does not fill such segments: it cuts the super-frame and fills", source=_R8152),
        Row(OWED, (LONG, of_length("tx-start-limit")), segment(Selector.AIMED), fresh(Bare), "the card cuts the super-frame and cannot be told where the sum starts: the segments leave unfilled", source=_R8152, sure="derived"),
        Row(OWED, (LONG, of_length("tx-skips-long")), segment(Selector.AIMED), fresh(Bare), "the card cuts the super-frame, and does not fill segments as long as these", source=_JUMBO, sure="derived"),
        Row(OWED, (knob("tx-driver-fills"), knob("tx-driver-zero"), of_length(*_OF_DRIVERS), aimed_at(Kind.UDP), fills_to_zero(Selector.AIMED)), write_zero(Selector.AIMED), fresh(Bare), "the driver knows that the card gets this length wrong, and fills: the sum comes out as 0 and is written so", source="linux drivers/net/usb/smsc95xx.c smsc95xx_tx_fixup (csum_fold); https://github.com/raspberrypi/linux/issues/1832"),
        Row(OWED, (knob("tx-driver-fills"), of_length(*_OF_DRIVERS)), fill(Selector.AIMED), fresh(Bare), "the driver knows that the card gets this length wrong, and fills", source=_SMSC),
        Row(OWED, (of_length("tx-start-limit"),), KEEP, fresh(Bare), "the card cannot be told where the sum starts: not filled", source=_R8152, sure="derived"),
        Row(OWED, (of_length("tx-skips-short", "tx-skips-end"),), KEEP, fresh(Bare), "the frame is so short that the card does not fill it", source=_SMSC, sure="derived"),
        Row(OWED, (of_length("tx-skips-long"),), KEEP, fresh(Bare), "the packet is so long that the card does not fill it: it has not the room to hold all of it before it sends", source=_JUMBO, sure="derived"),
        Row(OWED, (of_length("tx-sums-padding"),), (*PAD, *fill(Selector.AIMED)), fresh(Bare), "the card pads the short frame with what was left in its buffer, and sums that too", source=_PADS, sure="derived"),
        Row(OWED, (LONG,), (*segment(Selector.AIMED), *fill(Selector.AIMED)), fresh(Bare), "the card cuts the super-frame and fills the sum of each segment", source="linux 6.1 Documentation/networking/segmentation-offloads.rst"),
        Row(OWED, (), fill(Selector.AIMED), fresh(Bare), "the card sums from csum_start and writes the field"),
        Row(when(Skb), (knob("tx-unasked"), TAGGED, carries(Kind.TCP, Kind.UDP), ~FRAGMENT, ~ABSENT_TRANSPORT), compute(Selector.TRANSPORT), fresh(Bare), "the card makes the sum anew though nothing is owed: what was damaged before leaves with a right sum", source="linux drivers/net/ethernet/emulex/benet/be_main.c be_lancer_xmit_workarounds"),
        Row(ANY, (), KEEP, fresh(Bare), "the card sends the bytes as they are"),
    ),
)  # fmt: skip

EMULATED_CARD = Stage(
    name="emulated-card",
    title="emulated card",
    source="QEMU hw/net/e1000.c xmit_seg, e1000_receive_iov, hw/net/rtl8139.c: they know no virtio header, so that QEMU sets no TUN_F_CSUM",
    table=(
        Row(when(Bare), (), KEEP, fresh(Virtio), "the hypervisor writes the frame to the tap as the card's emulation made it, with an empty header or none", sure="memory"),
        Row(when(Virtio), (), KEEP, fresh(Bare), "the hypervisor puts the frame into the card's memory, and looks at no header", sure="memory"),
    ),
)  # fmt: skip

WIRE = Stage(
    name="wire",
    title="wire",
    source="IEEE 802.3 clause 3: the frame check sequence protects one link",
    table=(
        Row(when(Bare), (), KEEP, SAME, "bytes on a wire carry no state"),
    ),
)  # fmt: skip

_IN_CARD = "linux drivers/net/ethernet/mellanox/mlx5/core/en_accel/ipsec_rxtx.h mlx5e_ipsec_txwqe_build_eseg_csum"
CARD_SEAL = Stage(
    name="card-seal",
    title="card encrypts (IPsec)",
    source="linux 6.1 net/xfrm/xfrm_output.c xfrm_output (xfrm_dev_offload_ok); Documentation/networking/xfrm_device.rst",
    table=(
        Row(OWED, (knob("tx-seals-unfilled"),), seal(), fresh(Skb), "the card is asked for the sum of another header and encrypts: the one inside is sealed as it is", source=f"{_IN_CARD}; linux 5.14.15 changelog, net/mlx5e: IPsec: Fix work queue entry ethernet segment checksum flags"),
        Row(OWED, (), (*fill(Selector.AIMED), *seal()), fresh(Skb), "the sum inside was left to the card, which fills it before it encrypts", source=_IN_CARD),
        Row(when(Skb), (), seal(), fresh(Skb), "encrypted as it is, wrong sums too"),
    ),
)  # fmt: skip

_NETVSC = "linux commit bf48648d650d (drivers/net/hyperv/netvsc_drv.c netvsc_alloc_recv_skb)"
_IDPF = "linux commit 674fcb4f4a7e (drivers/net/ethernet/intel/idpf/idpf_txrx.c idpf_rx_rsc); CVE-2025-21890"
_MADE_LATER = fresh(Skb, summed=Summed.PARTIAL, start=Token.AT_TRANSPORT)
_MERGED = (*MERGE, *compute(Selector.TRANSPORT))
_NO_XDP = ~knob("xdp-runs")
_UNDER_XDP = "what linux 6.1 drivers/net/ethernet/mellanox/mlx5/core/en_main.c avoids (MLX5E_RQ_STATE_NO_CSUM_COMPLETE)"
_MLX5 = "linux commit e8c8b53ccaff (drivers/net/ethernet/mellanox/mlx5/core/en_rx.c mlx5e_handle_csum)"

_ZERO6 = "ThunderX, 2017-03-02, net: thunderx: Allow IPv6 frames with zero UDP checksum; RFC 6935"
_INNER_ONLY = "linux before commit d469251bfd06 (drivers/net/ethernet/intel/ixgbe/ixgbe_main.c ixgbe_rx_checksum)"

NIC_RECEIVE = Stage(
    name="nic-receive",
    title="card receives",
    source="linux 6.1 include/linux/skbuff.h, Checksumming of packets, CHECKSUM_UNNECESSARY",
    table=(
        Row(when(Bare), (~feature("rx-checksum"),), KEEP, fresh(Skb), "rx-checksum is off: nothing is known"),
        Row(when(Bare), (knob("rx-tagged-unsummed"), TAGGED), KEEP, fresh(Skb), "the driver knows that the card sums tagged frames otherwise, and says nothing of them", source="linux 6.1 drivers/net/usb/lan78xx.c lan78xx_rx_csum_offload (RX_CMD_A_FVTG_); https://github.com/raspberrypi/linux/pull/2501"),
        Row(when(Bare), (knob("rx-complete-under-xdp"),), carry(), _COMPLETE, "the driver hands up the sum that the card made before the XDP program ran", source=_UNDER_XDP),
        Row(when(Bare), (knob("rx-complete-other"), _NO_XDP), carry(Coverage.OTHER), _COMPLETE, "the driver hands up a number of the card as the sum of the frame, which sums other bytes", source="linux drivers/net/ethernet/cisco/enic/enic_rq.c: the card does not provide the sum of the packet, only a pseudo checksum", sure="derived"),
        Row(when(Bare), (knob("rx-complete-packet"), _NO_XDP), carry(Coverage.PACKET), _COMPLETE, "the card hands up the sum of the packet, without what follows it in the frame", source=_MLX5),
        Row(when(Bare), (knob("rx-complete-behind-tag"), _NO_XDP, TAGGED), carry(Coverage.BEHIND_TAG), _COMPLETE, "the card hands up the sum of what follows the tag, which is left in the frame", source="linux drivers/net/usb/lan78xx.c lan78xx_rx_csum_offload", sure="derived"),
        Row(when(Bare), (knob("rx-complete"), _NO_XDP), carry(), _COMPLETE, "the card hands up the sum of all that follows the Ethernet header, right or wrong", source="linux 6.1 include/linux/skbuff.h, Checksumming of packets, CHECKSUM_COMPLETE"),
        Row(when(Bare), (feature("rx-lro"), knob("rx-blank-ip"), SEGMENTED, version(4), carries(Kind.TCP), right(Selector.TRANSPORT)), (*_MERGED, *write_zero(Selector.OUTER_IP)), fresh(Skb, summed=Summed.UNNECESSARY), "the card verified segments and put them together; the IPv4 header's sum of the whole is left blank", source=_NETVSC),
        Row(when(Bare), (knob("rx-merges"), knob("rx-merged-seed"), SEGMENTED, carries(Kind.TCP), right(Selector.TRANSPORT)), (*MERGE, *spoil(Selector.TRANSPORT)), _MADE_LATER, "the card verified segments and put them together; the sum of the whole is to be made, from a pseudo-header's that the driver got wrong", source=_IDPF),
        Row(when(Bare), (knob("rx-merges"), knob("rx-merged-owed"), SEGMENTED, carries(Kind.TCP), right(Selector.TRANSPORT)), MERGE, _MADE_LATER, "the card verified segments and put them together; the sum of the whole is to be made from the pseudo-header's", source=_IDPF),
        Row(when(Bare), (feature("rx-lro"), SEGMENTED, carries(Kind.TCP), right(Selector.TRANSPORT)), _MERGED, fresh(Skb, summed=Summed.UNNECESSARY), "the card verified segments and put them together, with sums for the whole", source=_NETVSC),
        Row(when(Bare), (headed(Layer.PPPOE, Layer.BATMAN, Layer.BATMAN_FLOOD),), KEEP, fresh(Skb), "the card finds no IP header behind PPPoE or batman-adv, and says nothing", sure="uncertain"),
        Row(when(Bare), (FRAGMENT, knob("rx-trusts-fragments")), KEEP, fresh(Skb, summed=Summed.UNNECESSARY), "the card does not tell a fragment from a packet and calls its sum verified", source="linux drivers/net/ethernet/atheros/atl1c/atl1c_main.c atl1c_rx_checksum", sure="derived", vouches=True),
        Row(when(Bare), (FRAGMENT,), KEEP, fresh(Skb), "a card does not check a fragment"),
        Row(when(Bare), (knob("rx-trusts"), carries(Kind.TCP, Kind.UDP)), KEEP, fresh(Skb, summed=Summed.UNNECESSARY), "the card calls every sum verified", source="linux 6.1 include/linux/skbuff.h, Checksumming of packets, CHECKSUM_UNNECESSARY: what it must not say", sure="derived", vouches=True),
        Row(when(Bare), (knob("rx-drops-zero6"), outer_version(6), carries(Kind.UDP), ABSENT_TRANSPORT), DROP, SAME, "the card takes a UDP sum of zero for a wrong one over IPv6, and the driver drops what is wrong: tunnels may have none", source=_ZERO6, sure="derived"),
        Row(when(Bare), (knob("rx-inner-only"), TUNNEL, carries(Kind.UDP), right(Selector.INNER)), KEEP, fresh(Skb, summed=Summed.UNNECESSARY, level=1), "the card verified the inner sum, and the driver says two levels: nobody looked at the outer one", source=_INNER_ONLY, sure="derived", vouches=True),
        Row(when(Bare), (knob("rx-inner-only"), TUNNEL, carries(Kind.UDP)), KEEP, fresh(Skb), "the card verified the inner sum: wrong; the packet is passed up with no mark", source=_INNER_ONLY, sure="derived"),
        Row(when(Bare), (knob("rx-levels"), TUNNEL, carries(Kind.UDP), ABSENT_TRANSPORT, right(Selector.INNER)), KEEP, fresh(Skb, summed=Summed.UNNECESSARY, level=1), "there is no outer sum, and the card verified the inner one: two levels"),
        Row(when(Bare), (knob("rx-levels"), TUNNEL, carries(Kind.UDP), right(Selector.TRANSPORT), right(Selector.INNER)), KEEP, fresh(Skb, summed=Summed.UNNECESSARY, level=1), "the card verified the outer and the inner sum: two levels"),
        Row(when(Bare), (~carries(Kind.TCP, Kind.UDP),), KEEP, fresh(Skb), "a card checks only TCP and UDP"),
        Row(when(Bare), (ABSENT_TRANSPORT,), KEEP, fresh(Skb), "there is no sum to check"),
        Row(when(Bare), (right(Selector.TRANSPORT),), KEEP, fresh(Skb, summed=Summed.UNNECESSARY), "the card verified the sum: right"),
        Row(when(Bare), (knob("rx-drops"),), DROP, SAME, "the card verified the sum: wrong; the frame is dropped and counted by the card only", source="linux 6.1 Documentation/networking/checksum-offloads.rst; which cards do is not told", sure="uncertain"),
        Row(when(Bare), (), KEEP, fresh(Skb), "the card verified the sum: wrong; the packet is passed up with no mark"),
    ),
)  # fmt: skip

"""What network cards do with checksums other than they should: behaviours that a device can be given, and cards known to have them.

The tables of ``stages/nic.py`` ask for behaviours only. A card is a name for some of them, with the source that tells; ``csumlab stages
cards`` lists both. A driver that knows its card keeps such packets away from it (``ndo_features_check``), which is what setting the
device's features does.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from csumlab.behaviours import LONGEST, Known, Measure, Measured, chosen

BEHAVIOURS: Final[Mapping[str, str]] = {
    "tx-by-protocol": "ignores csum_start: fills TCP and UDP right behind the outermost IP header and nothing else",
    "tx-tunnel-ports": "takes a datagram that holds a tunnel packet for one that it is told of, and fills nothing if it is not told",
    "tx-inner-ports": "offers to fill inside of tunnels, and does so only inside of UDP to the ports of VXLAN and Geneve",
    "tx-unfilled": "fills nothing, whatever it offers",
    "tx-blanks": "has a driver that writes zero where a sum is owed, for a receiver on the same machine that needs none",
    "tx-hangs": "stops sending once it is asked for a sum of anything but TCP, UDP and SCTP",
    "tx-drops-long6": "has a driver that drops super-frames of TCP over IPv6",
    "tx-drops-ipv6": "drops packets of IPv6 whose sum it is left, for its driver asks for the sum of an IPv4 header too",
    "tx-skips-ipv6": "fills nothing over IPv6, whatever it offers",
    "tx-one-sum": "fills the inner sums of what it cuts inside a tunnel and leaves the outer ones as they are",
    "tx-missums-tunnels": "gets the sums wrong of what it cuts inside a tunnel",
    "tx-stamps": "writes the time into PTP events over UDP and leaves their sum as it was",
    "tx-stamps-right": "writes the time into PTP events over UDP and brings their sum up to date",
    "tx-skips-ptp": "sends PTP events by a way that passes no engine for sums, and does not fill them",
    "tx-seals-unfilled": "encrypts (IPsec in the card) without filling the sum inside, for its driver asks for that of another header",
    "tx-udp-zero": "writes a UDP sum that comes out as 0 as 0x0000, which says that there is none",
    "tx-unasked": "makes TCP and UDP sums of tagged frames anew although nothing is owed",
    "tx-sums-padding": "pads short frames with what is left in its buffer, and sums that too",
    "tx-skips-short": "fills nothing in very short frames",
    "tx-skips-long": "fills nothing in frames with long IP packets",
    "tx-skips-end": "does not fill a field in the last bytes of a frame",
    "tx-start-limit": "cannot be told of a sum that starts far into the frame, and does not fill it",
    "tx-driver-fills": "has a driver that fills what the card would get wrong for its length, or send past its engine",
    "tx-driver-zero": "has a driver that fills so and writes a UDP sum that comes out as 0 as 0x0000",
    "rx-complete": "hands up the sum of the frame (CHECKSUM_COMPLETE) in place of a verdict",
    "rx-complete-packet": "hands up a sum that ends where the IP packet ends",
    "rx-complete-behind-tag": "hands up a sum that starts behind a VLAN tag which it leaves in the frame",
    "rx-tagged-unsummed": "has a driver that says nothing of frames with a VLAN tag left in them",
    "rx-complete-other": "hands up a number in that place which sums other bytes",
    "rx-complete-under-xdp": "goes on to hand up the sum of the frame while an XDP program runs in its driver",
    "rx-levels": "verifies the sum inside a tunnel too, and says so (csum_level)",
    "rx-inner-only": "verifies the sum inside a tunnel only, and is taken to have verified both",
    "rx-merges": "puts TCP segments together that it has verified (rx-lro)",
    "rx-blank-ip": "leaves the IPv4 header's sum of what it put together blank, and its driver does not make one",
    "rx-merged-owed": "leaves the sum of what it put together to be made (CHECKSUM_PARTIAL)",
    "rx-merged-seed": "leaves it to be made from a wrong sum of the pseudo-header",
    "rx-trusts": "calls every TCP and UDP sum verified, also a wrong one",
    "rx-trusts-fragments": "calls the sums of fragments verified, which only the whole datagram could tell",
    "rx-drops": "drops what it finds wrong",
    "rx-drops-zero6": "takes UDP without a sum over IPv6, which tunnels may have, for wrong and drops it",
}
"""Each completes "a card that ..."."""

LENGTHS: Final[Mapping[str, Measured]] = {
    "tx-sums-padding": Measured(Measure.FRAME, 0, 59),
    "tx-skips-short": Measured(Measure.FRAME, 0, 45),
    "tx-skips-long": Measured(Measure.PACKET, 1501, LONGEST),
    "tx-skips-end": Measured(Measure.BEHIND, 0, 3),
    "tx-start-limit": Measured(Measure.START, 128, LONGEST),
}
"""The frames that a behaviour is of, if it is not of all. Other numbers stand behind the word: "tx-sums-padding:55-59"."""

CARDS: Final = (
    Known("ast2400", ("tx-unfilled",), "linux drivers/net/ethernet/faraday/ftgmac100.c ftgmac100_probe", "derived"),
    Known("ast2500", ("tx-skips-ipv6",), "linux drivers/net/ethernet/faraday/ftgmac100.c ftgmac100_probe", "derived"),
    Known("atl1c", ("rx-trusts-fragments",), "linux drivers/net/ethernet/atheros/atl1c/atl1c_main.c atl1c_rx_checksum", "derived"),
    Known("be2net", ("tx-unasked",), "linux drivers/net/ethernet/emulex/benet/be_main.c be_lancer_xmit_workarounds"),
    Known("ena-4.19", ("rx-trusts",), "linux before commit cb36bb36e1f1 (ena_netdev.c ena_rx_checksum)"),
    Known("enic-complete", ("rx-complete", "rx-complete-other"), "linux drivers/net/ethernet/cisco/enic/enic_rq.c", "derived"),
    Known("esxi-5.5-vmxnet3", ("tx-unfilled",), "https://github.com/F-Stack/f-stack/issues/520", "derived"),
    Known("genet-5.6", ("tx-sums-padding:55-59",), "linux before commit 20d1f2d1b024 (bcmgenet.c bcmgenet_xmit)", "derived"),
    Known("gmac-3.6", ("tx-skips-long",), "linux drivers/net/ethernet/stmicro/stmmac stmmac_fix_features (bugged_jumbo)", "derived"),
    Known("hns3-v2", ("tx-tunnel-ports",), "linux drivers/net/ethernet/hisilicon/hns3/hns3_enet.c hns3_tunnel_csum_bug"),
    Known("hme", ("tx-skips-short:0-63", "tx-udp-zero"), "OpenSolaris bug 6587116: hme checksum limitations", "derived"),
    Known("idpf-6.12.17", ("rx-merges", "rx-merged-seed"), "linux before commit 674fcb4f4a7e (idpf_rx_rsc); CVE-2025-21890"),
    Known("ixgbe-4.4", ("rx-inner-only",), "linux before commit d469251bfd06 (ixgbe_main.c ixgbe_rx_checksum)", "derived"),
    Known("jme", ("tx-skips-long:1901-",), "linux drivers/net/ethernet/jme.c jme_fix_features", "derived"),
    Known("lan78xx", ("rx-complete", "rx-complete-behind-tag"), "linux drivers/net/usb/lan78xx.c lan78xx_rx_csum_offload", "derived"),
    Known("lan78xx-4.18", ("rx-complete", "rx-tagged-unsummed"), "linux 6.1 drivers/net/usb/lan78xx.c lan78xx_rx_csum_offload"),
    Known("lan78xx-rx", ("rx-drops",), "linux before commit e4f774a0cc95 (lan78xx.c lan78xx_rx, RX_CMD_A_RED_)", "derived"),
    Known("libwx", ("tx-hangs",), "linux before commit c7d82913d5f9 (wx_lib.c wx_tx_csum); CVE-2025-22101"),
    Known("mlx4-4.20", ("rx-complete", "rx-complete-packet"), "linux before 5.0, mlx4_en: Force CHECKSUM_NONE for short ethernet frames"),
    Known("mlx5", ("rx-complete", "rx-complete-packet"), "linux before commit e8c8b53ccaff (mlx5e_handle_csum)"),
    Known("mlx5-ipsec-5.14", ("tx-seals-unfilled",), "linux before 5.14.15 (mlx5 en_accel/ipsec_rxtx.h mlx5e_ipsec_txwqe_build_eseg_csum)"),
    Known("mvneta-370", ("tx-skips-long:1601-",), "linux drivers/net/ethernet/marvell/mvneta.c mvneta_fix_features", "derived"),
    Known("netvsc-4.8", ("rx-trusts",), "linux before commit e52fed7177f7 (netvsc_drv.c netvsc_recv_callback)", "derived"),
    Known("netvsc-5.3", ("rx-merges", "rx-blank-ip"), "linux before commit bf48648d650d"),
    Known("nicvf-4.13", ("tx-drops-ipv6",), "linux before net: thunderx: Fix TCP/UDP checksum offload for IPv6 pkts", "derived"),
    Known("nicvf-4.10", ("rx-drops-zero6",), "linux before net: thunderx: Allow IPv6 frames with zero UDP checksum", "derived"),
    Known("r8152", ("tx-start-limit", "tx-driver-fills"), "linux drivers/net/usb/r8152.c r8152_tx_csum, GTTCPHO_MAX"),
    Known("r8169", ("tx-sums-padding",), "linux before 5.9.9 (r8169_main.c rtl8169_features_check)", "derived"),
    Known("rp1-gem", ("tx-udp-zero",), "https://github.com/raspberrypi/linux/issues/7550", "derived"),
    Known("smsc95xx", ("tx-skips-short", "tx-skips-end", "tx-driver-fills", "tx-driver-zero"), "linux smsc95xx.c smsc95xx_tx_fixup"),
    Known("stmmac", ("rx-trusts",), "linux before commit ee0aace5f844 (stmmac_main.c stmmac_rx); CVE-2025-40337"),
    Known("stmmac-dsa-6.7", ("tx-unfilled", "rx-trusts"), "linux before commit c2945c435c99 (stmmac_has_ip_ethertype)"),
    Known("thunderbolt", ("tx-drops-long6",), "linux before 6.5.6 (drivers/net/thunderbolt/main.c tbnet_xmit_csum_and_map)"),
    Known("ocelot-8021q", ("tx-skips-ptp", "tx-driver-fills"), "linux net/dsa/tag_ocelot_8021q.c ocelot_defer_xmit"),
    Known("rvvm-rtl8169", ("tx-unfilled",), "https://github.com/LekKit/RVVM/issues/84", "derived"),
    Known("qemu", ("tx-udp-zero",), "qemu commit 0dacea92d26c, before it"),
    Known("vmxnet3-5.13", ("tx-inner-ports",), "netdev 2021-07-02, vmxnet3: fix cksum offload issues for tunnels"),
    Known("wsl-2022", ("tx-skips-short:0-53",), "https://github.com/microsoft/WSL/issues/8610", "derived"),
)  # fmt: skip


DRIVERS: Final[Mapping[str, str]] = {
    "be2net": "be2net",
    "hns3": "hns3-v2",
    "lan78xx": "lan78xx",
    "mlx5_core": "mlx5",
    "ngbe": "libwx",
    "txgbe": "libwx",
}
"""The card of which its driver's name (ethtool -i) reminds; whether a card is that one, and not a later or mended one, it does not tell."""


@cache
def behaviours(text: str) -> tuple[str, ...]:
    """The behaviours that a device's ``card`` names: words, each a behaviour or a card. Raises ValueError, which says what there is."""
    return tuple(chosen(text, "card", BEHAVIOURS, CARDS, LENGTHS))


PTP_EVENTS: Final = 319
"""The UDP port of PTP messages whose time counts (IEEE 1588 annexes C and D)."""


TUNNELS: Final = (4789, 6081)
"""The UDP ports of VXLAN and Geneve (IANA)."""


def ports(text: str) -> tuple[int, ...]:
    """The ports that a card tells from others."""
    words = set(behaviours(text))
    events = (PTP_EVENTS,) if {"tx-stamps", "tx-stamps-right", "tx-skips-ptp"} & words else ()
    return (*events, *(TUNNELS if "tx-inner-ports" in words else ()))


@cache
def lengths(text: str) -> Mapping[str, Measured]:
    """Of those behaviours that are of some frames only: of which."""
    return {word: of for word, of in chosen(text, "card", BEHAVIOURS, CARDS, LENGTHS).items() if of is not None}

"""Tunnel encapsulation before local checksum offload (Linux 4.6): where the outer header gets a sum, the inner one is filled first."""

from __future__ import annotations

from csumlab.conditions import LONG, fills_to_zero, knob
from csumlab.operations import Selector, compute, fill, push, write_zero
from csumlab.outer import OuterSum
from csumlab.stage import Mended, Row, Stage, Token, fresh, when
from csumlab.stages.patterns import OWED
from csumlab.stages.tunnels import ENCAPSULATE
from csumlab.state import Skb, Summed

_FILLED = fill(Selector.AIMED)
_SUMMED = (*push(OuterSum.PSEUDO), *compute(Selector.TRANSPORT))
_LEFT = fresh(Skb, summed=Summed.PARTIAL, start=Token.AT_TRANSPORT)
_TOLD = fresh(Skb, summed=Summed.UNNECESSARY, level=0)
_OUTER = knob("outer-checksum")
_GRE = knob("gre-checksum")
_SIX = knob("outer-ipv6")
_HANDLED = "linux 4.4 net/ipv4/ip_tunnel_core.c iptunnel_handle_offloads"
_BY_ROUTE = "linux 4.4 net/ipv4/udp.c udp_set_csum"
_BY_SOFTWARE = "linux 4.4 net/ipv4/udp.c udp_set_csum, net/ipv6/ip6_checksum.c udp6_set_csum"
_FILL = "the inner sum is filled first"
_ASIS = "the packet is taken as it is"
_OF_GRE = "GRE's is made over it at once"
_AT_ONCE = "the outer one is made over it at once, and marked as verified"
_LATER = "the outer one is left to whoever transmits it"

_REMOTE, _LONG = ENCAPSULATE.table[:4], next(row for row in ENCAPSULATE.table if LONG in row.given)
_BARE_OWED, _BARE = (row for row in ENCAPSULATE.table if row.does == push(OuterSum.NONE))
ENCAPSULATE_4_5 = Stage(
    name="encapsulate-4.5",
    title=ENCAPSULATE.title,
    source=f"{_HANDLED}; net/ipv4/udp.c udp_set_csum; net/ipv4/ip_gre.c build_header",
    like=ENCAPSULATE,
    table=(
        *_REMOTE,
        _LONG,
        Row(OWED, (_OUTER, ~_GRE, ~_SIX, fills_to_zero(Selector.AIMED)), (*write_zero(Selector.AIMED), *push(OuterSum.PSEUDO)), _LEFT, f"the inner sum is filled first: it comes out as 0 and the kernel writes that, and a UDP field then says that there is none; {_LATER}", source=f"{_HANDLED}; net/core/dev.c skb_checksum_help", mended=Mended("Linux 4.6")),
        Row(OWED, (_OUTER, _GRE), (*_FILLED, *_SUMMED), fresh(Skb), f"{_FILL}; {_OF_GRE}", source="linux 4.4 net/ipv4/ip_gre.c build_header", sure="observed"),
        Row(OWED, (_OUTER, _SIX), (*_FILLED, *_SUMMED), _TOLD, f"{_FILL}; {_AT_ONCE}: over IPv6 the device would have to sum that alone", source=_BY_SOFTWARE, sure="observed"),
        Row(OWED, (_OUTER,), (*_FILLED, *push(OuterSum.PSEUDO)), _LEFT, f"{_FILL}; {_LATER}", source=_HANDLED, sure="observed"),
        _BARE_OWED,
        Row(when(Skb), (_OUTER, _GRE), _SUMMED, fresh(Skb), f"{_ASIS}; {_OF_GRE}", source="linux 4.4 net/ipv4/ip_gre.c build_header", sure="observed"),
        Row(when(Skb), (_OUTER, _SIX), _SUMMED, _TOLD, f"{_ASIS}; {_AT_ONCE}: over IPv6 the device would have to sum that alone", source=_BY_SOFTWARE, sure="observed"),
        Row(when(Skb), (_OUTER,), push(OuterSum.PSEUDO), _LEFT, f"{_ASIS}; {_LATER}", source=_BY_ROUTE, sure="observed"),
        _BARE,
    ),
)  # fmt: skip
GENEVE_ENCAPSULATE_4_5 = Stage(
    name="geneve-encapsulate-4.5",
    title=ENCAPSULATE.title,
    source="linux 4.4 drivers/net/geneve.c geneve_build_skb (skb_scrub_packet takes the route away), net/ipv4/udp.c udp_set_csum",
    like=ENCAPSULATE,
    table=(
        _LONG,
        Row(OWED, (_OUTER,), (*_FILLED, *_SUMMED), _TOLD, f"{_FILL}; {_AT_ONCE}: nobody knows by then which device it will leave by", sure="observed"),
        _BARE_OWED,
        Row(when(Skb), (_OUTER,), _SUMMED, _TOLD, f"{_ASIS}; {_AT_ONCE}: nobody knows by then which device it will leave by", sure="observed"),
        _BARE,
    ),
)  # fmt: skip

"""Where Linux cuts IP packets that are longer than the MTU of the way out, and puts their fragments together again, as tables.

A walk comes here only with a packet that has to be cut, or with fragments of which it has all.
"""

from __future__ import annotations

from csumlab.conditions import DONT_FRAGMENT, REASSEMBLED, TAGGED, knob, outer_version
from csumlab.operations import CUT, DROP, REASSEMBLE, Selector, fill
from csumlab.stage import ANY, SAME, Row, Stage, changed, when
from csumlab.stages.patterns import OWED
from csumlab.state import Skb, Summed

_NEW = changed(summed=Summed.NONE, level=0, start=None, encapsulation=False)
_FILLED = (*fill(Selector.AIMED), *CUT)
_BRIDGED4 = (outer_version(4), knob("net.bridge.bridge-nf-call-iptables"), ~TAGGED)
_BRIDGED6 = (outer_version(6), knob("net.bridge.bridge-nf-call-ip6tables"), ~TAGGED, REASSEMBLED)
_PIECES = (
    Row(OWED, (), _FILLED, _NEW, "no device fills a sum over several packets: the kernel fills it, then cuts the packet into fragments"),
    Row(when(Skb), (), CUT, _NEW, "cut into fragments, which are new socket buffers: nothing is known of their sums"),
)  # fmt: skip

FRAGMENTATION = Stage(
    name="fragmentation",
    title="IP fragmentation",
    source="linux 6.1 net/ipv4/ip_output.c __ip_finish_output, ip_fragment, ip_do_fragment; net/ipv6/ip6_output.c ip6_fragment",
    table=(
        Row(ANY, (DONT_FRAGMENT, ~REASSEMBLED), DROP, SAME, "longer than the MTU, and DF is set: not sent (EMSGSIZE, or ICMP fragmentation needed)"),
        *_PIECES,
    ),
)  # fmt: skip

BRIDGE_FRAGMENTATION = Stage(
    name="bridge-fragmentation",
    title="MTU of a bridge's port",
    source="linux 6.1 net/bridge/br_netfilter_hooks.c br_nf_dev_queue_xmit, br_nf_ip_fragment; net/bridge/br_forward.c br_dev_queue_push_xmit",
    table=(
        Row(ANY, (*_BRIDGED4, DONT_FRAGMENT, ~REASSEMBLED), DROP, SAME, "longer than the port's MTU, and DF is set: bridge netfilter drops it and tells nobody", sure="observed"),
        Row(OWED, _BRIDGED4, _FILLED, _NEW, "bridge netfilter cuts a packet that is longer than the port's MTU; the kernel fills its sum before"),
        Row(when(Skb), _BRIDGED4, CUT, _NEW, "bridge netfilter cuts a packet that is longer than the port's MTU"),
        Row(when(Skb), _BRIDGED6, CUT, _NEW, "what bridge netfilter had put together is cut again"),
        Row(ANY, (), DROP, SAME, "a bridge does not cut: a frame that is longer than its port's MTU is dropped and nobody is told", source="linux 6.1 net/core/dev.c is_skb_forwardable (four bytes more, a tag's, would pass)"),
    ),
)  # fmt: skip

REASSEMBLY = Stage(
    name="reassembly",
    title="IP reassembly",
    source="linux 6.1 net/ipv4/inet_fragment.c inet_frag_reasm_finish, ip_fragment.c ip_frag_reasm; net/ipv6/netfilter/nf_conntrack_reasm.c nf_ct_frag6_reasm",
    table=(
        Row(when(Skb), (), REASSEMBLE, SAME, "the datagram is whole: it carries what all its fragments carry alike, and the sums beside them add up"),
    ),
)  # fmt: skip

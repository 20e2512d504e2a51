"""Settings as people paste them from ethtool, ip link, sysctl and xenstore."""

from __future__ import annotations

import pytest

from csumlab.topology.features import is_on
from csumlab.topology.knobs import IDLE_FEATURES
from csumlab.topology.load import TopologyError, parse_topology
from csumlab.topology.model import Device, DeviceKind, Domain, Topology

NIC = """
[domain.h]
SYSCTL
[domain.h.device.eth0]
kind = "nic"
wire = "lan"
address = ["192.0.2.1/24", "2001:db8::1/64"]
MORE
"""


def _nic(more: str = "", sysctl: str = "") -> Topology:
    return parse_topology(NIC.replace("MORE", more).replace("SYSCTL", sysctl))


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("features = { rx-gro-hw = true }", "rx-merges rx-merged-owed"),
        ("features = { tx-gre-csum-segmentation = true }", "not told apart"),
        ("features = { esp-tx-csum-hw-offload = true }", "card-encrypts = true"),
        ("options = { csum = true }", "a nic has no option csum"),
        ("options = { vnet-hdr = true }", "a nic has no option vnet-hdr"),
        ("options = { udp6zerocsumtx = true }", "udp6zerocsumtx is udpcsum = false"),
        (
            '[domain.h.device.g]\nkind = "gre"\nencap = "gue"\nlocal = "10.0.0.1"\nremote = "10.0.0.9"\noptions = { remcsumtx = true }',
            "a gre has no option remcsumtx: .* encap-remcsum",
        ),
        ('reader = "dhclient"', "dhcp-client-auxdata"),
        ('[domain.h.device.m]\nkind = "macvlan"\nlower = "eth0"', "bridge, vepa, private, passthru .* makes vepa"),
        ('[domain.h.device.v]\nkind = "vlan"\nid = 5\nlower = "v"', "h:v sits on itself"),
        ('[domain.h.device.v]\nkind = "vlan"\nid = 5\nlower = "w"\n[domain.h.device.w]\nkind = "vlan"\nid = 6\nlower = "v"', "sits on"),
        ('[domain.h.device.a]\nkind = "vif"\npeer = "u:e"\nxenstore = { feature-no-csum-offload = true }', "write it on the netfront u:e"),
    ],
)  # fmt: skip
def test_what_is_said_otherwise_names_the_next_step(more: str, says: str) -> None:
    """A setting that cannot be said so is an error that says how, or what there is."""
    with pytest.raises(TopologyError, match=says):
        _nic(more)


def test_forwarding_is_no_sysctl() -> None:
    """net.ipv4.ip_forward is the domain's own key, and the error has its value."""
    with pytest.raises(TopologyError, match=r"forwarding = true in \[domain.h\]"):
        _nic(sysctl='sysctl = { "net.ipv4.ip_forward" = 1 }')


def test_names_that_ethtool_prints() -> None:
    """Groups by long names and names without effect are taken; without scatter-gather a device cuts nothing."""
    for idle in IDLE_FEATURES:
        assert _nic(f'features = {{ "{idle}" = true }}').domains["h"].devices["eth0"].features == {}
    short, long = (_nic(f"features = {{ {word} = false }}").domains["h"].devices["eth0"].features for word in ("tx", "tx-checksumming"))
    assert short == long != {}
    assert _nic("features = { rx-gro-hw = false, sg = true }").domains["h"].devices["eth0"].features == {}
    domain = _nic("features = { sg = false }").domains["h"]
    assert not is_on(domain, domain.devices["eth0"], None, "tx-tcp-segmentation")


def test_default_is_of_the_next_hop_s_version() -> None:
    """As in iproute2; without one it is of IPv4."""
    routes = _nic(
        '[[domain.h.route]]\nto = "default"\ndevice = "eth0"\nvia = "2001:db8::9"\n[[domain.h.route]]\nto = "default"\ndevice = "eth0"'
    )
    assert [route.to.version for route in routes.domains["h"].routes] == [6, 4]


def test_what_a_group_leaves_on_is_said() -> None:
    """A part of a group that is fixed on is told; what is not fixed is off."""
    topology = parse_topology(
        '[domain.d]\npreset = "xen-3.0.0"\n[domain.d.device.veth0]\nkind = "veth"\npeer = "d:vif0"\nfeatures = { tx = false }\n'
        '[domain.d.device.vif0]\nkind = "veth"\n'
    )
    assert topology.without_effect[0].startswith("d:veth0: tx = false leaves tx-checksum-ip-generic")


@pytest.mark.parametrize("key", ["feature-sg", "feature-gso-tcpv4"])
def test_an_end_that_takes_no_super_frames(key: str) -> None:
    """The other end of the ring has them cut before it."""
    vif, taking, refusing = (Device("one", kind, xenstore=keys) for kind, keys in (
        (DeviceKind.VIF, {}), (DeviceKind.NETFRONT, {}), (DeviceKind.NETFRONT, {key: False}),
    ))  # fmt: skip
    dom0 = Domain("dom0", "linux-6.1", {"one": vif})
    assert is_on(dom0, vif, taking, "tx-tcp-segmentation")
    assert not is_on(dom0, vif, refusing, "tx-tcp-segmentation")

"""Hosts for tests, as TOML: each shows other stages."""

from __future__ import annotations

OUTSIDE = """
[domain.outside]
outside = true
[domain.outside.device.eth0]
kind = "nic"
wire = "lan"
address = ["192.0.2.254/24", "2001:db8:2::fe/64"]
"""

BRIDGE = (
    """
at = "dom0:vif1.0"
[domain.dom0]
preset = "PRESET"
[domain.dom0.device.eth0]
kind = "nic"
wire = "lan"
bridge = "xenbr0"
[domain.dom0.device."vif1.0"]
kind = "vif"
peer = "domU:eth0"
bridge = "xenbr0"
[domain.dom0.device.xenbr0]
kind = "bridge"
address = ["192.0.2.1/24", "2001:db8:2::1/64"]
[domain.domU]
preset = "PRESET"
[domain.domU.device.eth0]
kind = "netfront"
address = ["192.0.2.11/24", "2001:db8:2::11/64"]
[[domain.domU.route]]
to = "default"
device = "eth0"
via = "192.0.2.254"
[[domain.domU.route]]
to = "::/0"
device = "eth0"
via = "2001:db8:2::fe"
"""
    + OUTSIDE
)

CLAIMS = (
    """
at = "dom0:vif1.0"
[domain.dom0]
preset = "PRESET"
[domain.dom0.device.eth0]
kind = "nic"
wire = "lan"
bridge = "xenbr0"
[domain.dom0.device."vif1.0"]
kind = "vif"
peer = "domU:eth0"
bridge = "xenbr0"
[domain.dom0.device."vif2.0"]
kind = "vif"
peer = "domV:eth0"
bridge = "xenbr0"
[domain.dom0.device.xenbr0]
kind = "bridge"
address = ["192.0.2.1/24", "2001:db8:2::1/64"]
[domain.domU]
preset = "PRESET"
[domain.domU.device.eth0]
kind = "netfront"
options = { CLAIM = true }
address = ["192.0.2.11/24", "2001:db8:2::11/64"]
[domain.domV]
preset = "PRESET"
[domain.domV.device.eth0]
kind = "netfront"
address = ["192.0.2.12/24", "2001:db8:2::12/64"]
"""
    + OUTSIDE
)

QUBES = """
at = "net:eth0"
[domain.net]
forwarding = true
[domain.net.device.eth0]
kind = "nic"
wire = "lan"
address = ["192.0.2.1/24"]
[domain.net.device."vif2.0"]
kind = "vif"
peer = "firewall:eth0"
address = ["10.137.0.1/24"]
[[domain.net.route]]
to = "10.138.0.0/24"
device = "vif2.0"
via = "10.137.0.2"
[[domain.net.route]]
to = "default"
device = "eth0"
via = "192.0.2.254"
[domain.firewall]
preset = "PRESET"
forwarding = true
[domain.firewall.device.eth0]
kind = "netfront"
address = ["10.137.0.2/24"]
[domain.firewall.device."vif3.0"]
kind = "vif"
peer = "app:eth0"
address = ["10.138.0.1/24"]
[[domain.firewall.route]]
to = "default"
device = "eth0"
via = "10.137.0.1"
[domain.app]
[domain.app.device.eth0]
kind = "netfront"
address = ["10.138.0.5/24"]
[[domain.app.route]]
to = "default"
device = "eth0"
via = "10.138.0.1"

[domain.outside]
outside = true
[domain.outside.device.eth0]
kind = "nic"
wire = "lan"
address = ["192.0.2.254/24"]
"""

VETH0 = (
    """
at = "dom0:vif1.0"
[domain.dom0]
preset = "PRESET"
forwarding = true
[domain.dom0.device.veth0]
kind = "veth"
peer = "dom0:vif0.0"
address = ["192.0.2.1/24"]
features = { tx = TX }
[domain.dom0.device."vif0.0"]
kind = "veth"
bridge = "xenbr0"
[domain.dom0.device.eth0]
kind = "nic"
wire = "lan"
bridge = "xenbr0"
[domain.dom0.device.xenbr0]
kind = "bridge"
[domain.dom0.device."vif1.0"]
kind = "vif"
peer = "domU:eth0"
address = ["10.1.0.1/24"]
[[domain.dom0.route]]
to = "default"
device = "veth0"
via = "192.0.2.254"
[domain.domU]
preset = "PRESET"
[domain.domU.device.eth0]
kind = "netfront"
address = ["10.1.0.11/24"]
[[domain.domU.route]]
to = "default"
device = "eth0"
via = "10.1.0.1"
"""
    + OUTSIDE
)

_TWO_BRIDGES = """
at = "dom0:vif1.0"
[domain.dom0]
preset = "PRESET"
[domain.dom0.device.veth0]
kind = "veth"
peer = "dom0:vif0.0"
address = ["10.1.0.1/24"]
[domain.dom0.device."vif0.0"]
kind = "veth"
bridge = "xenbr0"
[domain.dom0.device."vif1.0"]
kind = "vif"
peer = "domU:eth0"
bridge = "xenbr0"
[domain.dom0.device.xenbr0]
kind = "bridge"
[domain.dom0.device."vif1.1"]
kind = "vif"
peer = "domU:eth1"
bridge = "xenbr1"
[domain.dom0.device.xenbr1]
kind = "bridge"
[domain.dom0.device.eth0]
kind = "nic"
wire = "lan"
bridge = "xenbr1"
[[domain.dom0.route]]
to = "default"
device = "veth0"
via = "10.1.0.2"
"""
"""A dom0 whose guest routes between two bridges: one that dom0 itself is on, and one that leads out."""
ROUTER = (
    _TWO_BRIDGES
    + """
[domain.dom0.device."vif2.0"]
kind = "vif"
peer = "domV:eth0"
bridge = "xenbr0"
[domain.domU]
preset = "PRESET"
forwarding = true
conntrack = CONNTRACK
sysctl = { "net.netfilter.nf_conntrack_checksum" = VERIFY }
[domain.domU.device.eth0]
kind = "netfront"
address = ["10.1.0.2/24"]
[domain.domU.device.eth1]
kind = "netfront"
address = ["192.0.2.2/24"]
[[domain.domU.route]]
to = "default"
device = "eth1"
via = "192.0.2.254"
[domain.domV]
preset = "PRESET"
[domain.domV.device.eth0]
kind = "netfront"
address = ["10.1.0.3/24"]
[[domain.domV.route]]
to = "default"
device = "eth0"
via = "10.1.0.2"
"""
    + OUTSIDE
)

NAT = (
    """
at = "dom0:vif1.0"
[domain.dom0]
preset = "PRESET"
forwarding = true
sysctl = { "net.netfilter.nf_conntrack_checksum" = VERIFY }
[domain.dom0.device.eth0]
kind = "nic"
wire = "lan"
address = ["192.0.2.1/24"]
[domain.dom0.device."vif1.0"]
kind = "vif"
peer = "domU:eth0"
address = ["10.1.0.1/24"]
[[domain.dom0.route]]
to = "default"
device = "eth0"
via = "192.0.2.254"
[[domain.dom0.nat]]
kind = "dnat"
device = "eth0"
protocol = "tcp"
port = 8080
address = "10.1.0.11"
to-port = 80
[[domain.dom0.nat]]
kind = "masquerade"
device = "eth0"
source = "10.1.0.0/24"
to-port = TOPORT
[domain.domU]
preset = "PRESET"
[domain.domU.device.eth0]
kind = "netfront"
address = ["10.1.0.11/24"]
[[domain.domU.route]]
to = "default"
device = "eth0"
via = "10.1.0.1"
"""
    + OUTSIDE
)

VPN = (
    _TWO_BRIDGES
    + """
[domain.domU]
preset = "PRESET"
forwarding = true
[domain.domU.device.eth0]
kind = "netfront"
address = ["10.1.0.2/24"]
[domain.domU.device.eth1]
kind = "netfront"
address = ["192.0.2.2/24"]
[domain.domU.device.tun0]
kind = "vpn"
local = "192.0.2.2"
remote = "192.0.2.9"
address = ["10.8.0.2/24"]
[[domain.domU.route]]
to = "172.16.0.0/12"
device = "tun0"
[[domain.domU.route]]
to = "default"
device = "eth1"
via = "192.0.2.254"
[domain.office]
forwarding = true
[domain.office.device.eth0]
kind = "nic"
wire = "lan"
address = ["192.0.2.9/24"]
[domain.office.device.tun0]
kind = "vpn"
local = "192.0.2.9"
remote = "192.0.2.2"
address = ["172.16.0.1/12"]
[[domain.office.route]]
to = "10.1.0.0/24"
device = "tun0"
"""
    + OUTSIDE
)

VXLAN = (
    """
at = "host:veth1"
[domain.pod]
[domain.pod.device.vxlan0]
kind = "vxlan"
local = "10.9.0.2"
remote = "192.0.2.9"
address = ["10.244.0.1/16"]
options = { udpcsum = UDPCSUM }
[domain.pod.device.eth0]
kind = "veth"
peer = "host:veth1"
address = ["10.9.0.2/24"]
[[domain.pod.route]]
to = "default"
device = "eth0"
via = "10.9.0.1"
[domain.host]
forwarding = true
[domain.host.device.veth1]
kind = "veth"
address = ["10.9.0.1/24"]
[domain.host.device.eth0]
kind = "nic"
wire = "lan"
address = ["192.0.2.7/24"]
features = { hw-enc-checksum = ENCAPSULATED }
[[domain.host.route]]
to = "default"
device = "eth0"
via = "192.0.2.254"
NATRULE
[domain.peer]
[domain.peer.device.eth0]
kind = "nic"
wire = "lan"
address = ["192.0.2.9/24"]
[domain.peer.device.vxlan0]
kind = "vxlan"
local = "192.0.2.9"
remote = "192.0.2.7"
address = ["10.244.3.3/16"]
options = { udpcsum = UDPCSUM }
"""
    + OUTSIDE
)
OVERLAY = """
at = "one:v0"
[domain.a]
[domain.a.device.eth0]
kind = "veth"
peer = "one:v0"
address = ["10.5.0.1/24"]
[[domain.a.route]]
to = "default"
device = "eth0"
via = "10.5.0.254"
[domain.one]
[domain.one.device.v0]
kind = "veth"
bridge = "br0"
[domain.one.device.br0]
kind = "bridge"
[domain.one.device.tun0]
kind = "KIND"
bridge = "br0"
local = "192.0.2.1"
remote = "192.0.2.2"
[domain.one.device.eth0]
kind = "nic"
wire = "lan"
address = ["192.0.2.1/24"]
[domain.two]
forwarding = true
[domain.two.device.eth0]
kind = "nic"
wire = "lan"
address = ["192.0.2.2/24"]
[domain.two.device.tun0]
kind = "KIND"
FARPORT
local = "192.0.2.2"
remote = "192.0.2.1"
[domain.two.device.br0]
kind = "bridge"
FARBRIDGE
[domain.two.device.v0]
kind = "veth"
bridge = "br0"
[domain.b]
[domain.b.device.eth0]
kind = "veth"
peer = "two:v0"
address = ["10.5.0.2/24"]
"""
"""Containers on bridges of two hosts, whose tunnel devices are ports of these bridges: Docker's overlay, Flannel, OpenStack."""
DIRECT = """
at = "host:veth1"
[domain.pod]
[domain.pod.device.vxlan0]
kind = "vxlan"
local = "10.9.0.2"
remote = "10.9.0.1"
address = ["10.244.0.1/16"]
[domain.pod.device.eth0]
kind = "veth"
peer = "host:veth1"
address = ["10.9.0.2/24"]
[domain.host]
conntrack = true
[domain.host.device.veth1]
kind = "veth"
address = ["10.9.0.1/24"]
[domain.host.device.vxlan0]
kind = "vxlan"
local = "10.9.0.1"
remote = "10.9.0.2"
address = ["10.244.3.3/16"]
"""
MASQUERADE = """
[[domain.host.nat]]
kind = "masquerade"
device = "eth0"
source = "10.9.0.0/24"
"""
KVM = (
    """
at = "host:vnet0"
[domain.host]
[domain.host.device.eth0]
kind = "nic"
wire = "lan"
bridge = "br0"
[domain.host.device.vnet0]
kind = "tap"
peer = "guest:eth0"
bridge = "br0"
options = { TAP }
[domain.host.device.br0]
kind = "bridge"
address = ["192.0.2.1/24", "2001:db8:2::1/64"]
options = { checksum-fill = FILL }
[domain.guest]
forwarding = true
[domain.guest.device.eth0]
kind = "virtio"
GUEST
address = ["192.0.2.11/24", "2001:db8:2::11/64"]
reader = "READER"
[[domain.guest.route]]
to = "default"
device = "eth0"
via = "192.0.2.254"
[[domain.guest.route]]
to = "::/0"
device = "eth0"
via = "2001:db8:2::fe"
"""
    + OUTSIDE
)
XDP = (
    """
at = "host:vnet0"
[domain.host]
[domain.host.device.eth0]
kind = "nic"
wire = "lan"
bridge = "br0"
[domain.host.device.vnet0]
kind = "tap"
peer = "guest:eth0"
bridge = "br0"
[domain.host.device.br0]
kind = "bridge"
address = ["192.0.2.1/24"]
[domain.guest]
[domain.guest.device.eth0]
kind = "virtio"
xdp = "redirect veth1"
[domain.guest.device.veth1]
kind = "veth"
peer = "pod:eth0"
xdp = "redirect eth0"
[domain.pod]
[domain.pod.device.eth0]
kind = "veth"
address = ["192.0.2.21/24"]
[[domain.pod.route]]
to = "default"
device = "eth0"
via = "192.0.2.254"
"""
    + OUTSIDE
)
UNOFFERED = (
    """
at = "pod:eth0"
[domain.host]
[domain.host.device.eth0]
kind = "nic"
wire = "lan"
features = { tx = false }
xdp = "generic redirect veth1"
[domain.host.device.veth1]
kind = "veth"
peer = "pod:eth0"
xdp = "generic redirect eth0"
[domain.pod]
[domain.pod.device.eth0]
kind = "veth"
address = ["192.0.2.21/24"]
[[domain.pod.route]]
to = "default"
device = "eth0"
via = "192.0.2.254"
"""
    + OUTSIDE
)
ONE_ARMED = """
at = "pod:eth0"
[domain.pod]
[domain.pod.device.eth0]
kind = "veth"
peer = "host:veth0"
address = ["192.0.2.21/24", "2001:db8:2::21/64"]
PODS
[[domain.pod.route]]
to = "10.1.0.0/16"
device = "eth0"
via = "192.0.2.9"
[[domain.pod.route]]
to = "2001:db8:9::/48"
device = "eth0"
via = "2001:db8:2::9"
[domain.balancer]
forwarding = true
[domain.balancer.device.eth0]
kind = "veth"
peer = "host:veth1"
address = ["192.0.2.9/24", "2001:db8:2::9/64"]
xdp = "forward"
[[domain.balancer.route]]
to = "10.1.0.0/16"
device = "eth0"
via = "192.0.2.3"
[[domain.balancer.route]]
to = "2001:db8:9::/48"
device = "eth0"
via = "2001:db8:2::3"
[domain.service]
[domain.service.device.eth0]
kind = "veth"
peer = "host:veth2"
address = ["192.0.2.3/24", "10.1.0.3/32", "2001:db8:2::3/64", "2001:db8:9::3/128"]
[domain.host]
[domain.host.device.veth0]
kind = "veth"
bridge = "br0"
[domain.host.device.veth1]
kind = "veth"
bridge = "br0"
[domain.host.device.veth2]
kind = "veth"
bridge = "br0"
[domain.host.device.br0]
kind = "bridge"
"""
"""A container that sends on what it gets by the device that it came in by, by an XDP program."""
MACVTAP = """
at = "host:mv0"
[domain.pod]
[domain.pod.device.eth0]
kind = "veth"
peer = "host:veth1"
address = ["192.0.2.254/24"]
[domain.host]
[domain.host.device.veth1]
kind = "veth"
address = ["192.0.2.1/24"]
[domain.host.device.mv0]
kind = "macvtap"
peer = "guest:eth0"
lower = "veth1"
options = { TAP }
[domain.guest]
[domain.guest.device.eth0]
kind = "virtio"
address = ["192.0.2.11/24"]
"""
TRANSPORT = """
at = "right:eth0"
[domain.left.device.eth0]
kind = "veth"
peer = "router:eth0"
address = ["10.1.0.2/24"]
[domain.left.device.esp0]
kind = "esp"
local = "10.1.0.2"
remote = "192.0.2.9"
options = { transport = true }
ENCAP
[[domain.left.route]]
to = "192.0.2.9"
device = "esp0"
[[domain.left.route]]
to = "default"
device = "eth0"
via = "10.1.0.1"
[domain.router]
forwarding = true
[domain.router.device.eth0]
kind = "veth"
address = ["10.1.0.1/24"]
[domain.router.device.eth1]
kind = "veth"
peer = "right:eth0"
address = ["192.0.2.7/24"]
NATRULE
[domain.right.device.eth0]
kind = "veth"
address = ["192.0.2.9/24"]
[domain.right.device.esp0]
kind = "esp"
local = "192.0.2.9"
remote = "SEEN"
options = { transport = true }
ENCAP
[[domain.right.route]]
to = "default"
device = "eth0"
via = "192.0.2.7"
"""
TRANSPORT_NAT = """
[[domain.router.nat]]
kind = "masquerade"
device = "eth1"
source = "10.1.0.0/24"
"""
CARD = (
    """
at = "host:eth0"
[domain.host]
conntrack = TRACKS
[domain.host.device.eth0]
kind = "nic"
wire = "lan"
card = "CARD"
address = ["192.0.2.7/24", "2001:db8:2::7/64"]
[[domain.host.route]]
to = "default"
device = "eth0"
via = "192.0.2.254"
[[domain.host.route]]
to = "::/0"
device = "eth0"
via = "2001:db8:2::fe"
"""
    + OUTSIDE
)
UNVERIFIED = '\nsysctl = { "net.netfilter.nf_conntrack_checksum" = false }'
PUBLISHED = """
[domain.host.device.br0]
kind = "bridge"
address = ["10.77.0.7/24", "fd00:77::7/64"]
[[domain.host.nat]]
kind = "dnat"
device = "eth0"
address = "fd00:77::7"
by = "EDITOR"
[[domain.host.nat]]
kind = "dnat"
device = "eth0"
address = "10.77.0.7"
by = "EDITOR"
"""
MARKED_IN = """
[[domain.host.edit]]
by = "EDITOR"
device = "eth0"
way = "in"
dscp = 46
ttl = 33
"""
DSL = (
    """
at = "host:ppp0"
[domain.host]
preset = "PRESET"
forwarding = true
[domain.host.device.eth0]
kind = "nic"
wire = "lan"
card = "rx-complete"
[domain.host.device.ppp0]
kind = "pppoe"
lower = "eth0"
address = ["192.0.2.7/32", "2001:db8:2::7/128"]
[domain.host.device.vb]
kind = "veth"
peer = "box:eth0"
address = ["10.1.0.1/24"]
[[domain.host.route]]
to = "default"
device = "ppp0"
[[domain.host.route]]
to = "::/0"
device = "ppp0"
[[domain.host.nat]]
kind = "masquerade"
device = "ppp0"
source = "10.1.0.0/24"
[domain.box]
preset = "PRESET"
[domain.box.device.eth0]
kind = "veth"
address = ["10.1.0.2/24"]
[[domain.box.route]]
to = "default"
device = "eth0"
via = "10.1.0.1"
"""
    + OUTSIDE
)

SEALING = """
at = "gate:lan0:in"
[domain.pod]
[domain.pod.device.eth0]
kind = "veth"
peer = "gate:lan0"
address = ["10.1.0.5/24"]
[[domain.pod.route]]
to = "default"
device = "eth0"
via = "10.1.0.1"
[domain.gate]
forwarding = true
[domain.gate.device.lan0]
kind = "veth"
address = ["10.1.0.1/24"]
[domain.gate.device.eth0]
kind = "nic"
wire = "lan"
card = "CARD"
address = ["192.0.2.7/24"]
[domain.gate.device.esp0]
kind = "esp"
local = "192.0.2.7"
remote = "192.0.2.9"
address = ["10.8.0.1/30"]
options = { card-encrypts = true }
[[domain.gate.route]]
to = "10.2.0.0/24"
device = "esp0"
[domain.far]
[domain.far.device.eth0]
kind = "nic"
wire = "lan"
address = ["192.0.2.9/24"]
[domain.far.device.esp0]
kind = "esp"
local = "192.0.2.9"
remote = "192.0.2.7"
address = ["10.2.0.1/24"]
[[domain.far.route]]
to = "10.1.0.0/24"
device = "esp0"
"""
"""IPsec in the card of a gateway."""
SWITCHED = (
    """
at = "host:port0"
[domain.host]
preset = "HOST"
[domain.host.device.eth0]
kind = "nic"
wire = "lan"
bridge = "switch"
[domain.host.device.port0]
kind = "PORT"
peer = "guest:eth0"
bridge = "switch"
options = { tunnels-unfilled = UNFILLED }
[domain.host.device.port1]
kind = "PORT"
peer = "other:eth0"
bridge = "switch"
[domain.host.device.switch]
kind = "bridge"
[domain.guest]
preset = "PRESET"
[domain.guest.device.eth0]
kind = "KIND"
address = ["192.0.2.11/24", "2001:db8:2::11/64"]
WORDS
[domain.guest.device.tun0]
kind = "TUNNEL"
local = "192.0.2.11"
remote = "192.0.2.254"
ENCAP
address = ["10.7.0.1/24"]
[[domain.guest.route]]
to = "default"
device = "eth0"
via = "192.0.2.254"
[[domain.guest.route]]
to = "::/0"
device = "eth0"
via = "2001:db8:2::fe"
[domain.other]
preset = "PRESET"
[domain.other.device.eth0]
kind = "KIND"
address = ["192.0.2.12/24", "2001:db8:2::12/64"]
"""
    + OUTSIDE
)
"""Two guests of Hyper-V or ESXi, and a tunnel of one."""
SHARED = """
at = "host:eth0"
[domain.host]
CONNTRACK
[domain.host.device.eth0]
kind = "nic"
wire = "lan"
address = ["192.0.2.1/24", "2001:db8:2::1/64"]
FEATURES
[domain.web.device.eth0]
kind = "KIND"
lower = "host:eth0"
mode = "MODE"
address = ["NET.10/24", "2001:db8:8::10/64"]
[[domain.web.route]]
to = "default"
device = "eth0"
via = "NET.254"
[[domain.web.route]]
to = "::/0"
device = "eth0"
[domain.db.device.eth0]
kind = "KIND"
lower = "host:eth0"
mode = "MODE"
address = ["NET.11/24"]
MORE
[domain.outside]
outside = true
[domain.outside.device.eth0]
kind = "nic"
wire = "lan"
"""
"""Two containers that share the card of their host."""
TRACKED_BEFORE = """
[domain.web]
forwarding = true
conntrack = true
[domain.web.device.eth1]
kind = "veth"
peer = "far:eth0"
address = ["10.7.0.1/24", "2001:db8:77::1/64"]
[domain.far.device.eth0]
kind = "veth"
address = ["10.7.0.2/24", "2001:db8:77::2/64"]
[[domain.far.route]]
to = "default"
device = "eth0"
via = "10.7.0.1"
[[domain.far.route]]
to = "::/0"
device = "eth0"
via = "2001:db8:77::1"
[domain.db]
forwarding = true
sysctl = { "net.netfilter.nf_conntrack_checksum" = false }
[[domain.db.nat]]
kind = "dnat"
device = "eth0"
address = "192.0.2.80"
[[domain.db.route]]
to = "default"
device = "eth0"
via = "NET.254"
"""
"""One of them is a router that has tracked what it sends on, the other a translator that does not verify."""
BONDED = """
at = "host:br0"
[domain.host.device.eth0]
kind = "nic"
wire = "lan"
bond = "bond0"
[domain.host.device.eth1]
kind = "nic"
wire = "lan"
bond = "bond0"
FEATURES
[domain.host.device.bond0]
kind = "KIND"
bridge = "br0"
ACTIVE
[domain.host.device.br0]
kind = "bridge"
address = ["192.0.2.1/24"]
[domain.host.device.vnet0]
kind = "tap"
peer = "guest:eth0"
bridge = "br0"
[domain.guest.device.eth0]
kind = "virtio"
address = ["192.0.2.11/24"]
[[domain.guest.route]]
to = "default"
device = "eth0"
via = "192.0.2.254"
[domain.outside]
outside = true
[domain.outside.device.eth0]
kind = "nic"
wire = "lan"
"""
"""A guest on a bridge that leads out by a bond of two cards."""

"""Makes the recorded dumps: builds hosts in network namespaces of this machine and runs the dump script there. Needs root, iproute2, nft,
iptables, ethtool and busybox. ``xen-dom0.txt`` and ``proxmox.txt`` are not made here: they were written by hand, as such hosts print.

    .venv/bin/python tests/host_dumps/make.py
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import built_hosts

from csumlab.host.script import SCRIPT

HERE = Path(__file__).parent

BRIDGE = """
ip netns add web
ip link add br0 type bridge
ip link add veth1 type veth peer name eth0 netns web
ip link set veth1 master br0 up
ip link set br0 up
ip addr add 10.1.0.1/24 dev br0
ip addr add fd00:1::1/64 dev br0 nodad
ip tuntap add vnet0 mode tap vnet_hdr
ip link set vnet0 master br0 up
ip tuntap add tun0 mode tun
ip link set tun0 up
ip -n web link set eth0 up
ip -n web addr add 10.1.0.2/24 dev eth0
ip -n web route add default via 10.1.0.1
ip -n web link add vxlan0 type vxlan id 7 local 10.1.0.2 remote 192.0.2.9 dstport 8472 noudpcsum
ip -n web addr add 10.244.0.1/16 dev vxlan0
ip -n web link set vxlan0 up
ip netns exec web ethtool -K eth0 tx off >/dev/null
ip link add up0 type veth peer name up1
ip addr add 192.0.2.7/24 dev up0
ip link set up0 up
ip link set up1 up
ip route add default via 192.0.2.254
ip route add 198.51.100.0/24 via 192.0.2.1 metric 50
ip route add 198.51.100.0/24 via 192.0.2.2 metric 60
ip route add blackhole 203.0.113.0/24
sysctl -qw net.ipv4.ip_forward=1 net.netfilter.nf_conntrack_checksum=0
"""
NFT = """
nft -f - <<'END OF RULES'
table ip nat {
    chain published {
        udp dport { 53, 123 } dnat to 10.1.0.2
        tcp dport 5 redirect to :7
    }
    chain pre {
        type nat hook prerouting priority -100
        iifname "up0" tcp dport 8080 dnat to 10.1.0.2:80
        fib daddr type local iifname != "br0" jump published
    }
    chain post {
        type nat hook postrouting priority 100
        ip daddr 224.0.0.0/24 return
        oifname "up0" ip saddr 10.1.0.0/24 meta l4proto tcp masquerade to :40000
        oifname "up0" ip saddr 10.1.0.0/24 masquerade
        ip saddr 10.7.0.0/24 meta mark 1 masquerade
    }
}
END OF RULES
"""
IPTABLES = """
iptables -t nat -N DOCKER
iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
iptables -t nat -A DOCKER -i br0 -j RETURN
iptables -t nat -A DOCKER ! -i br0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.1.0.2:80
iptables -t nat -A POSTROUTING -s 10.1.0.0/24 ! -d 10.1.0.0/24 -p tcp -j MASQUERADE --to-ports 1024-65535
iptables -t nat -A POSTROUTING -s 10.1.0.0/24 ! -o br0 -m comment --comment "all of it" -j MASQUERADE
iptables -t nat -A POSTROUTING -s 10.8.0.0/24 -p udp -o up0 -j SNAT --to-source 192.0.2.7-192.0.2.9:1000-2000
iptables -t nat -A POSTROUTING -s 10.9.0.0/24 -p icmp -o up0 -j MASQUERADE
iptables -t mangle -A POSTROUTING -p udp --dport 68 -j CHECKSUM --checksum-fill
"""
OLD = """
mkdir /run/old
for program in ip bridge; do
    printf '#!/bin/sh\\ncase "$1 $2" in *-j*) exit 255 ;; esac\\nexec %s "$@"\\n' "$(command -v $program)" >/run/old/$program
    chmod +x /run/old/$program
done
"""
BUSYBOX = """
mkdir /run/busy
for program in cat grep ip ls nsenter readlink sed sh sort timeout true uname; do
    ln -s "$(command -v busybox)" /run/busy/$program
done
"""


def script_with(path: str) -> str:
    """The dump script, looking for programs only in ``path``."""
    return re.sub(r"^PATH=.*$", f"PATH={path}", SCRIPT, flags=re.MULTILINE)


DUMPS = {
    "bridge-nft.txt": BRIDGE + NFT + built_hosts.dump_command("web"),
    "bridge-iptables-text.txt": BRIDGE + IPTABLES + OLD + built_hosts.dump_command("web", script=script_with("/run/old:$PATH")),
    "bridge-busybox.txt": BRIDGE + BUSYBOX + built_hosts.dump_command(script=script_with("/run/busy")),
}

if __name__ == "__main__":
    for name, commands in DUMPS.items():
        text = built_hosts.run_there(commands).decode()
        # What a kernel's maker puts behind its number says nothing here.
        (HERE / name).write_text(re.sub(r"^( Linux \S+ \d+\.\d+\.\d+)\S*", r"\1", text, flags=re.MULTILINE), encoding="utf-8")

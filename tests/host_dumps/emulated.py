"""Makes ``tunnels.txt``: boots a distribution's kernel under QEMU, makes a host there with every kind of tunnel, VLAN and transformation
that it has, and runs the dump script. For kinds of device that the kernel of this machine may lack. Needs what
``python -m tests.oracles_vm.record`` needs; takes about a minute.

    PYTHONPATH=tests python -m host_dumps.emulated
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

from oracles_vm import machine, packages
from oracles_vm.image import Image
from oracles_vm.kernel.record import MODULES

from csumlab.host.script import SCRIPT
from csumlab.topology.options import FEATURES

HERE = Path(__file__).parent
APPLETS = ("cat", "grep", "hostname", "ls", "readlink", "sed", "sort", "true", "uname")
SECONDS = 300.0
COMMANDS = """
ip link set lo up
ip link set eth0 up
ip addr add 192.0.2.1/24 dev eth0
ip addr add 2001:db8::1/64 dev eth0 nodad
ip route add default via 192.0.2.254
ip link add br-overlay type bridge
ip link set br-overlay up
ip addr add 10.50.0.1/24 dev br-overlay
ip link add vxlan0 type vxlan id 7 local 192.0.2.1 remote 192.0.2.9 dstport 4789 udpcsum remcsumtx remcsumrx
ip link set vxlan0 master br-overlay up
ip link add vxlan6 type vxlan id 8 local 2001:db8::1 remote 2001:db8::9 dstport 8472 udp6zerocsumtx udp6zerocsumrx
ip link set vxlan6 up
ip link add geneve0 type geneve id 7 remote 192.0.2.9 udpcsum
ip link set geneve0 up
ip link add geneve6 type geneve id 9 remote 2001:db8::9 dstport 6082
ip link set geneve6 up
ip link add genevemd type geneve external dstport 6099
ip link set genevemd up
ip link add gre1 type gre local 192.0.2.1 remote 192.0.2.9 csum
ip addr add 10.61.0.1/24 dev gre1
ip link set gre1 up
ip link add gretap1 type gretap local 192.0.2.1 remote 192.0.2.9
ip link set gretap1 master br-overlay up
ip link add gre6 type ip6gre local 2001:db8::1 remote 2001:db8::9 ocsum
ip link set gre6 up
ip link add gretap6 type ip6gretap local 2001:db8::1 remote 2001:db8::9
ip link set gretap6 up
ip fou add port 5555 ipproto 4
ip fou add port 6080 gue
ip link add ipip1 type ipip local 192.0.2.1 remote 192.0.2.9
ip addr add 10.62.0.1/24 dev ipip1
ip link set ipip1 up
ip link add ipip2 type ipip local 192.0.2.1 remote 192.0.2.10 encap fou encap-sport auto encap-dport 5555 encap-csum
ip link set ipip2 up
ip link add sit1 type sit local 192.0.2.1 remote 192.0.2.9
ip addr add fd61::1/64 dev sit1
ip link set sit1 up
ip link add sit2 type sit local 192.0.2.1 remote 192.0.2.10 encap gue encap-sport auto encap-dport 6080 encap-csum encap-remcsum
ip link set sit2 up
ip link add sit3 type sit local 192.0.2.1
ip link set sit3 up
ip link add six1 type ip6tnl local 2001:db8::1 remote 2001:db8::9 mode any
ip link set six1 up
ip link add link eth0 eth0.5 type vlan id 5
ip addr add 10.65.0.1/24 dev eth0.5
ip link set eth0.5 up
ip link add link eth0.5 qinq type vlan id 6
ip link set qinq up
ip link add link eth0 provider type vlan protocol 802.1ad id 100
ip link set provider up
ip link add link eth0 macsec0 type macsec encrypt on
ip macsec add macsec0 tx sa 0 pn 1 on key 00 11111111111111111111111111111111
ip addr add 10.66.0.1/24 dev macsec0
ip link set macsec0 up
ip link add wg0 type wireguard
wg set wg0 private-key /oracle/own.key listen-port 51820 peer PUBLIC endpoint 192.0.2.9:51820 allowed-ips 10.67.0.0/24
ip addr add 10.67.0.1/24 dev wg0
ip link set wg0 up
ip link add wg1 type wireguard
wg set wg1 private-key /oracle/own.key listen-port 51821 peer PUBLIC allowed-ips 10.68.0.0/24
ip link set wg1 up
ip l2tp add tunnel tunnel_id 1 peer_tunnel_id 2 encap udp local 192.0.2.1 remote 192.0.2.9 udp_sport 1701 udp_dport 1702 udp_csum on
ip l2tp add session name l2tpeth0 tunnel_id 1 session_id 7 peer_session_id 8 cookie 0123456789abcdef
ip link set l2tpeth0 up
ip l2tp add tunnel tunnel_id 3 peer_tunnel_id 4 encap ip local 192.0.2.1 remote 192.0.2.9
ip l2tp add session name l2tpeth1 tunnel_id 3 session_id 9 peer_session_id 10
ip link set l2tpeth1 up
ip xfrm state add src 192.0.2.1 dst 192.0.2.9 proto esp spi 0x100 mode tunnel CIPHER
ip xfrm state add src 192.0.2.9 dst 192.0.2.1 proto esp spi 0x101 mode tunnel CIPHER
ip xfrm policy add src 10.50.0.0/24 dst 10.70.0.0/24 dir out tmpl src 192.0.2.1 dst 192.0.2.9 proto esp mode tunnel
ip xfrm policy add src 10.70.0.0/24 dst 10.50.0.0/24 dir in tmpl src 192.0.2.9 dst 192.0.2.1 proto esp mode tunnel
ip xfrm policy add src 10.70.0.0/24 dst 10.50.0.0/24 dir fwd tmpl src 192.0.2.9 dst 192.0.2.1 proto esp mode tunnel
ip xfrm state add src 192.0.2.1 dst 192.0.2.10 proto esp spi 0x200 mode transport CIPHER encap espinudp 4500 4500 0.0.0.0
ip xfrm policy add src 192.0.2.1/32 dst 192.0.2.10/32 dir out tmpl src 192.0.2.1 dst 192.0.2.10 proto esp mode transport
ip link set dummy0 up
ip link add vti0x type vti local 192.0.2.1 remote 192.0.2.9
ip link set vti0x up
ip netns add pod
ip link add podveth type veth peer name eth0 netns pod
ip link set podveth master br-overlay up
ip -n pod link set lo up
ip -n pod link set eth0 up
ip -n pod addr add 10.50.0.2/24 dev eth0
ip -n pod route add default via 10.50.0.1
ip -n pod link add ipip9 type ipip local 10.50.0.2 remote 10.50.0.9
ip -n pod addr add 10.90.0.1/24 dev ipip9
ip -n pod link set ipip9 up
"""


def record(folder: Path) -> str:
    """The dump."""
    found = packages.Packages(
        ("linux-image-amd64", "iproute2", "ethtool", "wireguard-tools", "busybox-static", "dash", "libpython3-stdlib", "python3-minimal")
    )
    secret = found.run("wg", "genkey")
    commands = COMMANDS.replace("PUBLIC", found.run("wg", "pubkey", text=found.run("wg", "genkey")).strip())
    commands = commands.replace("CIPHER", f"auth-trunc hmac(sha256) 0x{'11' * 32} 128 enc cbc(aes) 0x{'22' * 16}")
    image = Image().start(HERE / "emulated_init.py").python(found).programs(found, "ip", "bridge", "ethtool", "wg", "busybox", "dash")
    image.modules(found, (*MODULES, "bridge", "e1000", "ip_vti")).link("var/run", "/run")
    # Busybox's own shell and timeout would take its applets for ip.
    image.link("bin/sh", "/" + str(found.program("dash").relative_to(found.root)))
    for applet in APPLETS:
        image.link(f"bin/{applet}", "/" + str(found.program("busybox").relative_to(found.root)))
    image.add("oracle/own.key", secret.encode())
    plan = {"commands": [line for line in commands.splitlines() if line], "script": SCRIPT}
    (folder / "image").write_bytes(bytes(image.add("oracle/plan.json", json.dumps(plan).encode())))
    kernel = found.root / "boot" / f"vmlinuz-{found.kernel()}"
    options = ["-cpu", "max", "-m", "768", "-kernel", str(kernel), "-initrd", str(folder / "image")]
    options += ["-netdev", "user,id=wire", "-device", "e1000,netdev=wire,mac=02:00:00:00:00:01"]
    options += ["-append", "console=ttyS0 quiet panic=1 mitigations=off nokaslr"]
    return str(machine.run(options, folder.parent / "console-dump.log", SECONDS)["dump"])


def shortened(text: str) -> str:
    """A dump without what no reader asks for: most features, what drivers say beside their names, modules."""
    text = re.sub(r"^( Linux \S+ \d+\.\d+\.\d+)\S*", r"\1", text, flags=re.MULTILINE)
    asked = "|".join(sorted({*FEATURES, "rx-checksumming", "generic-receive-offload", "tx-checksumming"}))
    found, section = [], ""
    for line in text.splitlines():
        section = line.split()[1] if line.startswith("%section") else section
        kept = {"ethtool-k": rf" Features for .*|\s*({asked}): .*", "ethtool-i": r" (interface|driver): .*", "modules": "(?!)"}
        if line.startswith("%") or section not in kept or re.fullmatch(kept[section], line):
            found.append(line)
    return "\n".join(found) + "\n"


def main() -> None:
    with tempfile.TemporaryDirectory(dir=packages.folder()) as folder:
        text = record(Path(folder))
    (HERE / "tunnels.txt").write_text(shortened(text), encoding="utf-8")


if __name__ == "__main__":
    main()

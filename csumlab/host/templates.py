"""Topologies to start from for those who have a capture and no host: what these hypervisors set up when nobody changes anything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

HOSTS: Final[Mapping[str, str]] = {
    "xen": "a Xen dom0: vifs in xenbr0",
    "xcp-ng": "XCP-ng or XenServer: vifs in xenbr0 (Open vSwitch)",
    "proxmox": "Proxmox VE: taps of virtual machines in vmbr0",
    "libvirt": "libvirt's default network: taps in virbr0, masqueraded",
}
"""The hosts that :func:`template` knows."""

_XEN = """# A guest behind a bridge of {what}. {remark}
# Everything here is a default: correct names, addresses and `features` (ethtool -k), or make a dump with `csumlab host script`.
name = "{host} {vif}"
at = "dom0:{vif}"

[domain.dom0]
preset = "linux-6.1"  # default

[domain.dom0.device.eth0]
kind = "nic"
wire = "lan"
bridge = "xenbr{bridge}"

[domain.dom0.device."{vif}"]
kind = "vif"
peer = "domU{domid}:eth{handle}"
bridge = "xenbr{bridge}"

[domain.dom0.device.xenbr{bridge}]
kind = "bridge"

[domain.domU{domid}]
preset = "linux-6.1"  # default

[domain.domU{domid}.device.eth{handle}]
kind = "netfront"
{address}
[domain.outside]
outside = true

[domain.outside.device.eth0]
kind = "nic"
wire = "lan"
"""

_PROXMOX = """# A virtual machine behind vmbr0 of Proxmox VE. With firewall=1 a bridge of its own ({firewall}) stands between;
# checksums pass both alike.
# Everything here is a default: correct names, addresses and `features` (ethtool -k), or make a dump with `csumlab host script`.
name = "proxmox {vm}"
at = "host:{tap}"

[domain.host]
preset = "linux-6.1"  # default

[domain.host.device.eth0]
kind = "nic"
wire = "lan"
bridge = "vmbr0"

[domain.host.device.{tap}]
kind = "tap"
peer = "guest{vm}:eth0"
bridge = "vmbr0"

[domain.host.device.vmbr0]
kind = "bridge"

[domain.guest{vm}]
preset = "linux-6.1"  # default

[domain.guest{vm}.device.eth0]
kind = "virtio"
{address}
[domain.outside]
outside = true

[domain.outside.device.eth0]
kind = "nic"
wire = "lan"
"""

_LIBVIRT = """# A virtual machine in libvirt's default network: virbr0 is routed and masqueraded.
# Everything here is a default: correct names, addresses and `features` (ethtool -k), or make a dump with `csumlab host script`.
name = "libvirt {vm}"
at = "host:{tap}"

[domain.host]
preset = "linux-6.1"  # default
forwarding = true

[domain.host.device.eth0]
kind = "nic"
wire = "lan"
address = ["192.0.2.1/24"]  # default

[domain.host.device.virbr0]
kind = "bridge"
address = ["192.168.122.1/24"]

[domain.host.device.{tap}]
kind = "tap"
peer = "{vm}:eth0"
bridge = "virbr0"

[[domain.host.route]]
to = "default"
device = "eth0"
via = "192.0.2.254"  # default

[[domain.host.nat]]
kind = "masquerade"
device = "eth0"
source = "192.168.122.0/24"

[domain.{vm}]
preset = "linux-6.1"  # default

[domain.{vm}.device.eth0]
kind = "virtio"
{address}
[[domain.{vm}.route]]
to = "default"
device = "eth0"
via = "192.168.122.1"

[domain.outside]
outside = true

[domain.outside.device.eth0]
kind = "nic"
wire = "lan"
address = ["192.0.2.254/24"]  # default
"""


def template(host: str, *, vif: str = "", vm: str = "", address: str = "") -> str:
    """The TOML of a host with one guest. ``vif``: the guest's device in dom0, such as vif3.0; ``vm``: the number of a virtual machine, or
    its name with libvirt; ``address``: the guest's, such as 10.0.0.11/24. ValueError if something is missing or not of that form."""
    import ipaddress

    if host not in HOSTS:
        raise ValueError(f"no template for {host!r}; there are: {', '.join(HOSTS)}")
    if address:
        try:
            ipaddress.ip_interface(address)
        except ValueError:
            raise ValueError(f"{address!r} is not an address like 10.0.0.11/24") from None
    line = f'address = ["{address}"]\n' if address else '# address = ["10.0.0.11/24"]\n'
    if host in ("xen", "xcp-ng"):
        match = re.fullmatch(r"vif(\d{1,5})\.(\d{1,3})", vif)
        if match is None:
            raise ValueError(f"say which vif, like --vif vif3.0; {vif!r} is none")
        what = "XCP-ng or XenServer" if host == "xcp-ng" else "a Xen dom0"
        remark = "Its Open vSwitch is taken for a bridge." if host == "xcp-ng" else ""
        bridge = match[2] if host == "xcp-ng" else "0"
        return _XEN.format(
            host=host, what=what, remark=remark, vif=vif, domid=match[1], handle=match[2], bridge=bridge, address=line
        ).replace(" \n", "\n")
    if host == "proxmox":
        if not re.fullmatch(r"\d{1,9}", vm):
            raise ValueError(f"say which virtual machine by its number, like --vm 100; {vm!r} is none")
        return _PROXMOX.format(vm=vm, tap=f"tap{vm}i0", firewall=f"fwbr{vm}i0", address=line)
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", vm) or vm in ("host", "outside"):
        raise ValueError(f"say which virtual machine by its name, like --vm web1; {vm!r} is none")
    return _LIBVIRT.format(vm=vm, tap="vnet0", address=line.replace("10.0.0.11", "192.168.122.11"))

"""From device to device: what stands before a device, on a cable, in a ring, and between a device and the one that it sits on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from csumlab.headers import Layer
from csumlab.interpreting import Setting, Translation
from csumlab.machine import apply
from csumlab.operations import Operation
from csumlab.packet import outer_ip, outer_transport
from csumlab.slots import bounds, last_of, limits, parts
from csumlab.stage import Stage
from csumlab.stages import hooks, hypervisors, nic, programs, rewriters, virtio, windows, windows_drivers
from csumlab.stages.linux import IN_A_LIST
from csumlab.stages.slots import RING_SLOTS, RING_SLOTS_ELSEWHERE
from csumlab.state import NetBuffer, Skb, owed
from csumlab.topology import forward
from csumlab.topology.editing import edits
from csumlab.topology.model import DeviceKind, Domain, Port
from csumlab.topology.options import CLAIMS, GRO, GRO_LIST, SWITCHED, options_of
from csumlab.topology.presets import PRESETS, Preset
from csumlab.trace import Fate, Fault
from csumlab.walking.cutting import Cutting
from csumlab.walking.places import Ended, Undetermined

RECEIVING = frozenset({DeviceKind.NIC, DeviceKind.NETFRONT, DeviceKind.VIRTIO, DeviceKind.NETVSC, DeviceKind.VMXNET3})
"""Devices whose drivers hand what comes in to receive aggregation."""
TAKING_FRAMES = frozenset({DeviceKind.NIC, DeviceKind.VETH, DeviceKind.VIRTIO, DeviceKind.TAP, DeviceKind.NETFRONT})
"""Devices whose drivers send frames for an XDP program (ndo_xdp_xmit)."""


@dataclass
class Links(Cutting):
    """A walk that goes from one device to the next."""

    def _egress(self, domain: Domain, port: Port) -> None:
        """What stands between the stack and a device: tc's rules, then transmit feature resolution: what the device cannot do, the kernel
        does before the capture point."""
        preset = self._preset(domain)
        self._by_program(programs.PROGRAM_GIVES, domain, port, "out")
        self._copies(domain, port, "out")
        self._rewrite(domain, port, "out", rewriters.AT_DEVICE)
        self._detour(domain, port, "out")
        if options_of(self.topology.device(port))["netem-corrupt"] and preset.family is Skb:
            self._apply(hooks.NETEM_CORRUPT, domain, port, "out")
            self._fault = Fault.LINK
        self._segment(domain, port)
        self._apply(preset.egress, domain, port, "out")

    def _go_out(self, port: Port) -> None:
        """Out by a device, to where a capture shows it."""
        self._egress(self.topology.domains[port.domain], port)
        self._tap(port, "out")

    def _come_in(self, port: Port) -> None:
        """What comes in by a device is seen there, copied and edited."""
        domain = self.topology.domains[port.domain]
        self._tap(port, "in")
        self._copies(domain, port, "in")
        self._rewrite(domain, port, "in", rewriters.AT_DEVICE)

    def _detour(self, domain: Domain, port: Port, way: str) -> None:
        """To the device that tc's mirred action names; from an ifb back. The device has seen what comes in by then, and is passed as if it
        were new; of what goes out it sees what comes back."""
        name, _ = self.topology.device(port).diverted(way)
        if not name:
            return
        self._apply(hooks.MIRRED, domain, port, way)
        other = Port(domain.name, name)
        if self.topology.device(other).kind is DeviceKind.IFB:
            self._go_out(other)
            self._apply(hooks.IFB, domain, other, "out")

    def _virtio(self, stage: Stage | None, domain: Domain, port: Port, way: str, words: Collection[str] = ()) -> None:
        if stage is None:
            raise Ended(Fate.UNTOLD, f"{self._preset(domain).title} has no virtio and no tap with offload")
        self._apply(stage, domain, port, way, words=words)

    def _tail(self, preset: Preset, port: Port) -> tuple[str, ...]:
        """How short the last segment of a super-frame from ``port`` would be, where that matters: the size of segments is not captured."""
        if not preset.refuses_short_tails or not self.packet.long or owed(self.state, self.packet.headers) is None:
            return ()
        label, short = f"how long the last segment of a super-frame of {port} is", "its last segment would be shorter than its headers"
        chosen = self._decide(label, ("its last segment would be longer than its headers", short))
        return (virtio.SHORT_TAIL,) if chosen == short else ()

    def _unoffered(self, domain: Domain, port: Port) -> tuple[str, ...]:
        """What a driver does with an owed sum that its card does not offer to make: most go by the socket buffer and ask for it, others by
        what is on, or know none. Of super-frames it is not asked."""
        if owed(self.state, self.packet.headers) is None or self.packet.long or self._is_left(domain, port):
            return ()
        label, leaves = f"what the driver of {port} does with a sum that its card does not offer to make", "the card sends it as it is"
        return (nic.UNOFFERED,) if self._decide(label, ("it asks the card for it all the same", leaves)) == leaves else ()

    def _is_left(self, domain: Domain, port: Port) -> bool:
        """Whether transmit feature resolution would leave the sum that is owed to the device."""
        setting = Setting(self._features(domain, port), self._knobs(domain, port, ()))
        return owed(apply(self._preset(domain).egress, self.state, self.packet, setting).state, self.packet.headers) is not None

    def _between_guests(self, port: Port) -> tuple[str, ...]:
        """What a switch of Hyper-V or ESXi makes of a sum that one guest owes to another is told nowhere: both ways are walked."""
        if self.topology.device(port).kind not in (DeviceKind.NETVSP, DeviceKind.VMPORT) or owed(self.state, self.packet.headers) is None:
            return ()
        label, says = f"what the switch of {port} does with a sum that another guest left to it", "it hands it over and calls it verified"
        return (hypervisors.SAYS_VERIFIED,) if self._decide(label, ("it makes it first", says)) == says else ()

    def _verdict(self, port: Port) -> tuple[str, ...]:
        """Whose verdict a packet in several buffers gets, where the driver may look at those of another one: all are walked."""
        if self.packet.pages < 2 or not options_of(self.topology.device(port))["merged-buffers"]:
            return ()
        words = {
            "its own": (),
            "that of a right one": (windows_drivers.VERDICT_RIGHT,),
            "that of a wrong one": (windows_drivers.VERDICT_WRONG,),
        }
        return words[self._decide(f"whose verdict the driver of {port} gives a packet in several buffers", tuple(words))]

    def _of_no_sum(self, domain: Domain) -> tuple[str, ...]:
        """What Windows does with a datagram that has no sum and of which its driver says that the sum is wrong is told nowhere: both ways
        are walked."""
        transport = outer_transport(self.packet.headers)
        failed = isinstance(self.state, NetBuffer) and self.state.failed
        if not failed or transport is None or not self.packet.absent(transport.uid):
            return ()
        label, drops = f"what {domain.name} does with a datagram without a sum that its driver calls wrong", "it drops it"
        return (windows.HEEDS_FAILED,) if self._decide(label, ("it takes it", drops)) == drops else ()

    def _by_program(self, stage: Stage, domain: Domain, port: Port, way: str) -> None:
        """Between a device and the program that is the stack of its domain."""
        if domain.program:
            self._apply(stage, domain, port, way)

    def _rewrite(self, domain: Domain, port: Port, way: str, whose: Collection[str]) -> None:
        for stage, edit, words in edits(domain, self.topology.device(port), way, whose, lambda: self.packet.headers):
            if stage is programs.NFQUEUE and "takes-unfinished" not in words:
                # Who does not ask for super-frames gets them cut (net/netfilter/nfnetlink_queue.c nfqnl_enqueue_packet).
                self._segment(domain, way=way)
            copied = stage is programs.QUEUE_EDIT and edit != Translation()
            self._apply(stage, domain, port, way, edit, fault=Fault.PROGRAM if copied else Fault.MEMORY, words=words)
            if Operation.ACCEPT in self.hops[-1].operations:
                raise Ended(Fate.ACCEPTED, self.hops[-1].because)

    def _to_everybody(self) -> bool:
        """Whether the packet is for all that are on a segment."""
        ip = outer_ip(self.packet.headers)
        return (
            ip is not None
            and ip.destination is not None
            and (forward.is_group(ip.destination) or ip.destination in self.topology.broadcasts)
        )

    def _link(self, port: Port, peer: Port, from_wire: bool, redirected: bool) -> None:
        """What lies between two ends of a cable. ``redirected``: a program has handed the frame to the driver of ``port``."""
        here, there = self.topology.domains[port.domain], self.topology.domains[peer.domain]
        ours, theirs = self._preset(here), self._preset(there)
        match self.topology.device(port).kind:
            case DeviceKind.NIC:
                if not from_wire:
                    self._claim(here, port)
                    self._apply(ours.nic_transmit, here, port, "out", words=self._unoffered(here, port) if redirected else ())
                # A table that knows no segmentation has its card send a super-frame whole: no wire takes that.
                self.packet = self.packet.from_wire()
                if self.topology.device(peer).kind is DeviceKind.TAP:
                    self._apply(nic.EMULATED_CARD, here, port, "out")
                    self._virtio(theirs.tap_receive, there, peer, "in")
                else:
                    self._apply(nic.WIRE, here, port, fault=Fault.LINK)
                    self._apply(theirs.nic_receive, there, peer, "in")
            case DeviceKind.NETFRONT:
                self._take_slots(port, peer)
                self._apply(ours.netfront_transmit, here, port, "out")
                self._claim(here, port)
                heeds = options_of(self.topology.device(peer))["heeds-rx-off"]
                self._apply(hooks.VIF_HEEDS_RX if heeds else theirs.netback_receive, there, peer, "in")
            case DeviceKind.VIF:
                self._apply(ours.netback_transmit, here, port, "out")
                self._apply(theirs.netfront_receive, there, peer, "in")
            case DeviceKind.VIRTIO:
                self._virtio(ours.virtio_transmit, here, port, "out")
                self._claim(here, port)
                self._virtio(theirs.tap_receive, there, peer, "in", self._tail(theirs, port))
            case DeviceKind.TAP | DeviceKind.MACVTAP:
                self._virtio(ours.tap_transmit, here, port, "out")
                self._claim(here, port)
                if self.topology.device(peer).kind is DeviceKind.NIC:
                    self._apply(nic.EMULATED_CARD, there, peer, "in")
                    self._apply(theirs.nic_receive, there, peer, "in")
                else:
                    self._virtio(theirs.virtio_receive, there, peer, "in", self._verdict(peer))
            case kind if kind in SWITCHED:
                down, up = ours.switched[kind][0], theirs.switched[self.topology.device(peer).kind][1]
                self._apply(down, here, port, "out", words=self._between_guests(port))
                self._apply(up, there, peer, "in")
            case _:
                self._apply(ours.veth, here, port, "out")
        entered = self.topology.device(peer)
        if entered.native_xdp:
            self._rewrite(there, peer, "in", rewriters.IN_DRIVER)
            if entered.redirects_to or (entered.feeds_reader and self._is_read(peer)) or self._is_forwarded_by_program(peer):
                return
            if entered.kind is DeviceKind.VIRTIO:
                self._virtio(theirs.xdp_pass, there, peer, "in")
        if entered.kind in RECEIVING or options_of(entered)["napi"]:
            self._apply(theirs.gro, there, peer, "in", words=self._found_by_gro(there, peer))

    def _found_by_gro(self, domain: Domain, port: Port) -> tuple[str, ...]:
        """What receive aggregation finds when it looks for the socket that a datagram is for (net/ipv4/udp_offload.c udp_gro_receive): a
        tunnel's that can be looked into, or none."""
        ip = outer_ip(self.packet.headers)
        if ip is None or ip.destination is None or not self._is_here(domain, port, ip.destination):
            return ("for-elsewhere", *self._listed(domain, port))
        tunnel = self._tunnel_of_packet(domain)
        device = self.topology.device(tunnel) if tunnel else None
        framed = device is not None and device.kind in (DeviceKind.VXLAN, DeviceKind.GENEVE) and not device.is_raw
        known = framed or (device is not None and device.encap in ("fou", "gue"))
        return ("gro-into-tunnel",) if known else ()

    def _listed(self, domain: Domain, port: Port) -> tuple[str, ...]:
        """Whether datagrams of one flow come in together, so that they are listed, only run-time state could tell. It is asked of those
        with a sum inside, which the list vouches for."""
        headers, transport, feature = self.packet.headers, outer_transport(self.packet.headers), self._features(domain, port)
        if transport is None or transport.layer is not Layer.UDP or self.packet.absent(transport.uid):
            return ()
        if not (feature(GRO) and feature(GRO_LIST)) or not any(header.consumes for header in headers[headers.index(transport) + 1 :]):
            return ()
        label = f"whether datagrams of one flow come in at {port} together"
        return (IN_A_LIST,) if self._decide(label, ("one at a time", "together")) == "together" else ()

    def _claim(self, domain: Domain, port: Port) -> None:
        """What a driver or program says of every packet, whatever it is."""
        if any(options_of(self.topology.device(port))[name] for name in CLAIMS):
            self._apply(hooks.DRIVER_CLAIMS, domain, port, "out")

    def _take_slots(self, port: Port, peer: Port) -> None:
        """Into the slots of the ring between a guest's ``port`` and its host's ``peer``, and those of the host that the guest moves to."""
        if self.packet.pages < 2 or self.packet.segmented:
            return
        guest, host = self.topology.domains[port.domain], self.topology.domains[peer.domain]
        front, back = self.topology.device(port), self.topology.device(peer)
        there = {"": limits(back, self._preset(host))}
        if guest.moves_to:
            there[guest.moves_to] = limits(replace(back, slots=0, fatal_slots=0), PRESETS[guest.moves_to])
        whole = bounds(self.packet.pages, front, self._preset(guest))
        found = parts(whole, [limit for one in there.values() for limit in one.values()])
        label = f"how many slots of the ring of {port} a frame takes that needs {self.packet.pages} pages"
        if len(found) > 1 and label not in self.choices:
            raise Undetermined(label, tuple(f"in {part}" for part in found))
        # A number that was chosen stays the one it was if the limits have changed since: it is the last of its part.
        most = last_of(self.choices[label]) if label in self.choices else whole.most
        for name, limit in there.items():
            self._apply(RING_SLOTS_ELSEWHERE if name else RING_SLOTS, host, peer, "in", slots=most, limits=limit)

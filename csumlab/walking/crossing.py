"""Across a segment: cables and bridges, with the devices that sit on others, until a stack, a tunnel or a program takes the frame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from csumlab.headers import Layer
from csumlab.outer import Outer
from csumlab.stages import hooks, programs, rewriters
from csumlab.topology import ways
from csumlab.topology.model import DeviceKind, Port, wrapping_layers
from csumlab.trace import Fate
from csumlab.walking.netfilter import Netfilter
from csumlab.walking.places import Ended


class Taker(Enum):
    """What takes a frame at the end of its way across a segment."""

    STACK = "the IP stack"
    TUNNEL = "a tunnel, of which it is the payload"
    PROGRAM = "an XDP program, which sends it on"


class Arrival(NamedTuple):
    """Who takes a frame, and at which port. ``hooked``: it has been through PREROUTING by then."""

    taker: Taker
    port: Port
    hooked: bool = False


@dataclass
class Crossing(Netfilter):
    """A walk that crosses segments."""

    def _across(self, sender: Port, target: Port, from_wire: bool, inward: bool, redirected: bool) -> Arrival:
        """Across a segment, from ``sender`` to ``target``, or until something else takes the frame."""
        steps = self._steps(sender, target, inward)
        if self.topology.device(sender).kind is DeviceKind.BRIDGE:
            self._go_out(sender)
        if from_wire:
            self._wrap_outside(steps)
        hooked = False
        for step, leaving in zip(steps, (*(later.port for later in steps[1:]), None), strict=True):
            device = self.topology.device(step.port)
            if step.port == step.peer and device.kind is DeviceKind.LOOPBACK:
                self._loop_back(step.port)
                hooked = True
            elif step.port == step.peer:
                self._come_in(step.port)
            elif step.turned:
                self._turn(step.port)
            elif ways.carries_frames(device):
                return Arrival(Taker.TUNNEL, step.port)
            elif step.upper is not None:
                self._hand(step, step.upper, from_wire)
            elif step.wrapping is not None:
                self._wrap(step, step.wrapping, from_wire)
            else:
                self._put_on_cable(step.port, from_wire or redirected)
                self._link(step.port, step.peer, from_wire, redirected)
                from_wire, redirected = False, step.redirected
                if self._is_forwarded_by_program(step.peer):
                    return Arrival(Taker.PROGRAM, step.peer)
                self._take_off_cable(step)
            if step.bridge:
                hooked = self._cross_bridge(step, target, leaving)
        away = ways.leads_away(self.topology.device(target))
        return Arrival(Taker.TUNNEL if away else Taker.STACK, target, hooked)

    def _loop_back(self, port: Port) -> None:
        self._go_out(port)
        self._apply(hooks.LOOPED, self.topology.domains[port.domain], port)
        self._tap(port, "in")

    def _turn(self, port: Port) -> None:
        """A filter of tc takes what leaves by ``port`` elsewhere."""
        domain = self.topology.domains[port.domain]
        self._copies(domain, port, "out")
        self._rewrite(domain, port, "out", rewriters.AT_DEVICE)
        self._detour(domain, port, "out")

    def _put_on_cable(self, port: Port, with_driver: bool) -> None:
        """``with_driver``: nothing of this host stands between whoever sends the frame and the driver of ``port``."""
        domain = self.topology.domains[port.domain]
        if self.topology.device(port).kind is DeviceKind.MACVTAP:
            self._tap(port, "in")
            self._virtio(self._preset(domain).macvtap_deliver, domain, port, "in")
        elif not with_driver:
            self._go_out(port)

    def _take_off_cable(self, step: ways.Step) -> None:
        """What the driver at the other end has taken: on to another driver, through a macvtap, or to where a capture shows it."""
        domain, device = self.topology.domains[step.peer.domain], self.topology.device(step.peer)
        if step.redirected:
            redirect = hooks.XDP_REDIRECT if device.native_xdp else hooks.XDP_GENERIC_REDIRECT
            self._apply(redirect, domain, step.peer, "in")
        elif device.kind is DeviceKind.MACVTAP:
            self._go_out(step.peer)
        elif not device.feeds_reader or not self._is_read(step.peer):
            self._come_in(step.peer)
            self._detour(domain, step.peer, "in")
            if not step.diverted:
                self._by_program(programs.PROGRAM_TAKES, domain, step.peer, "in")

    def _cross_bridge(self, step: ways.Step, target: Port, leaving: Port | None) -> bool:
        """Whether the packet has come to ``target``, a bridge, and has been through PREROUTING by then (net/bridge/br_netfilter_hooks.c
        br_nf_pre_routing, ip_sabotage_in). ``leaving`` is the port that it leaves the bridge by, None if it is a tunnel or nothing."""
        there = self.topology.domains[step.peer.domain]
        bridge = Port(there.name, step.bridge)
        checks = self._bridge_netfilter(there)
        if checks is not None:
            self._apply(checks, there, bridge, "in")
            self._prerouting(there, bridge)
        if bridge == target:
            self._tap(bridge, "in")
            return checks is not None
        self._apply(self._preset(there).bridge, there, bridge)
        if checks is not None:
            self._filter(there, bridge)
            self._postrouting(there, bridge)
        if leaving is not None:
            self._cut(self._preset(there).bridge_fragmentation, there, bridge, leaving)
        return False

    def _hand(self, step: ways.Step, upper: Port, from_wire: bool) -> None:
        """Between a macvlan, ipvlan, bond or team and what it sits on, down or up, or across to what is beside it."""
        domain, kind = self.topology.domains[upper.domain], self.topology.device(upper).kind
        tables = self._preset(domain).stacked[kind]
        if upper == step.peer:
            self._apply(tables.receive, domain, upper, "in")
            self._come_in(upper)
            return
        if not from_wire:
            self._go_out(upper)
        down = tables.across if step.across else tables.send
        assert down is not None
        self._apply(down, domain, upper, "out")
        # What is for everybody goes to each macvlan itself (macvlan_broadcast), all else past the device below.
        if step.across and not (kind is DeviceKind.MACVLAN and self._to_everybody()):
            self._come_in(step.peer)

    def _wrap(self, step: ways.Step, wrapping: Port, from_wire: bool) -> None:
        """Between a VLAN, MACsec or PPPoE device and the device that it sits on, down or up."""
        domain, kind = self.topology.domains[wrapping.domain], self.topology.device(wrapping).kind
        preset = self._preset(domain)
        (down, up), headers = preset.carrying[kind], Outer(0, wrapping_layers(kind, self._to_everybody()))
        if wrapping == step.port:
            if not from_wire:
                self._go_out(wrapping)
            if kind is DeviceKind.PPPOE and not self.packet.headers[0].is_ip:
                raise Ended(Fate.UNTOLD, "PPP carries IP packets, and this one has a VLAN tag before it")
            self._apply(down, domain, wrapping, "out", headers)
            return
        self._apply(up, domain, wrapping, "in", headers)
        if kind is DeviceKind.MACSEC:
            self._apply(preset.gro, domain, wrapping, "in")
        self._come_in(wrapping)

    def _wrap_outside(self, steps: Iterable[ways.Step]) -> None:
        """What comes from outside is in the frames that the devices on its way take it out of, even if it was captured behind them."""
        if not self.packet.headers[0].is_ip:
            return
        kinds = [self.topology.device(step.peer).kind for step in steps if step.wrapping is not None and step.wrapping == step.peer]
        layers = tuple(layer for kind in kinds for layer in wrapping_layers(kind, self._to_everybody()))
        if layers and Layer.MACSEC not in layers:
            self.packet = self.packet.wrap(layers)

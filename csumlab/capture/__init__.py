"""Captures in and out: pcap and pcapng, plain or packed, as blocks of packets."""

from csumlab.capture.block import Block, CaptureError, Interface
from csumlab.capture.reader import Capture, open_capture
from csumlab.capture.writer import PcapngWriter, PcapWriter

__all__ = ["Block", "Capture", "CaptureError", "Interface", "PcapWriter", "PcapngWriter", "open_capture"]

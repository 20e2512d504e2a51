"""Live capture that keeps what the kernel knows of every packet: direction, what its checksum is, segmentation offload."""

from csumlab.live.files import Rotation
from csumlab.live.namespaces import LiveError, Place, parse_place
from csumlab.live.recording import Counted, Recorded, Wishes, record

__all__ = ["Counted", "LiveError", "Place", "Recorded", "Rotation", "Wishes", "parse_place", "record"]

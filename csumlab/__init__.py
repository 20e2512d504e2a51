"""csumlab."""

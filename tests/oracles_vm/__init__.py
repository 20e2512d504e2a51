"""Oracles that are whole machines: real Xen and a distribution's kernel under QEMU, recorded as golden data that ordinary tests replay."""

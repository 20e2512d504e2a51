"""Real Xen in an emulator: hypervisor, dom0 with netback and paravirtual guests with netfront, from distribution packages."""

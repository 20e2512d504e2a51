"""A distribution's kernel in an emulator, with the tunnels that other kernels may lack."""

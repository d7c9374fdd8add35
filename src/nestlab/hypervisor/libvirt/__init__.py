"""The libvirt back end: QEMU as libvirt starts it, on any machine of a lab."""

"""libvirt as any machine's own programs reach it."""

"""Give guests of libvirt the host's virtualization extensions, prove it, and put it back."""

"""Give guests of libvirt the host's virtualization extensions: look, plan, back up, do, prove, undo."""

"""libvirt's domain XML: read it safely, see how the guest gets its CPU, change that and nothing else."""

"""Domain XML of libvirt: read it safely, see how a guest gets its CPU, change that alone."""

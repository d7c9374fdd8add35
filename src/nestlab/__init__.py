"""nestlab: nested KVM you can trust: check it, build it, measure it, tune it."""

__version__ = "0.1.0"

"""Hypervisor: a machine that can start guests. One folder per back end."""

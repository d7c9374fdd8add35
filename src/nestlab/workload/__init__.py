"""Workloads: what is run on every level and how its output is read. Pure, one file each."""

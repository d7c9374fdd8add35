"""Proof that a machine is what it is said to be."""

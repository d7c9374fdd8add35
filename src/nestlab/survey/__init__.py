"""Asking machines, wherever they are, whether they are ready to nest."""

"""The command line: one file per command; the only code that prints or exits."""

from nestlab.cli.app import main

__all__ = ["main"]

"""The command line: one file per command; the only code that prints or exits."""

import os

# No plugin of Pydantic's is used here, and looking for some costs every command its time.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

from nestlab.cli.app import main

__all__ = ["main"]

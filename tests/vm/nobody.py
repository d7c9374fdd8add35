"""Somebody without privileges, whom root can become in a test."""

NOBODY = 65534

AS_NOBODY = (
    *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
    # the Python of the tests may be in root's own folder
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", "--"),
)
"""What their commands begin with: they may read what root may, and nothing more."""

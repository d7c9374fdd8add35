"""Images by a distribution's own installer, answered by a file and read on its console."""

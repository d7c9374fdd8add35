"""One file for each kind of installer, with a `FAMILY`: a new one takes a new file and no more."""

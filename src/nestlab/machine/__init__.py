"""Machine: something with a shell. The only way to touch L0 or any guest."""

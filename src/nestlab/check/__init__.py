"""Rules that turn facts into findings with remedies (pure)."""

"""Switch nesting on and off on any machine: plan it, journal it, do it, undo it."""

"""How the machines of a lab see each other."""

"""What is true of a machine."""

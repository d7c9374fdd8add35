"""Ways from this process to the machines of a lab."""

"""What is done to a lab: up, down, stop, start, add, grow, remove; and the demo."""

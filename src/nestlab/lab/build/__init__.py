"""From what shall be and what is there to machines that are up and proved."""

"""A whole lab: its plan, bringing it up, taking it down, its state on disk."""

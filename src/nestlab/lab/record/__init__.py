"""What is known of a lab on disk: its state, its folder, its keys, its lock."""

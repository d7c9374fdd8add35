"""What a lab shall be: from its file, before anything is asked of a machine."""

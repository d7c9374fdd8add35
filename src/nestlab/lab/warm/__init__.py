"""Labs that are saved with their memory, and resumed."""

"""Base images: recipe, build, store, and the seed that makes a guest its own."""

"""The lab file: models, loading, the tree of machines, the JSON Schema (pure but for one read)."""

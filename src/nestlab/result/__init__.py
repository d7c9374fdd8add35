"""The result file, `nestlab.result/1`: its model, its JSON Schema, its folder on disk."""

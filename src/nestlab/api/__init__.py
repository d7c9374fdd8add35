"""Labs for Python programs: `Lab`, `SyncLab`, and fixtures for pytest."""

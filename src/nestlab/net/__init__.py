"""Addresses of guests at every level, chosen without collisions (pure)."""

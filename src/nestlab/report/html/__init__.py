"""The report as one HTML page that needs nothing else: tables, charts, and the library in it.

Loaded only when asked for: Altair alone takes almost a second.
"""

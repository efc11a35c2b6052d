"""Screens and streams that follow jobs live: `jobs --watch`, `follow`, `logs -f`."""

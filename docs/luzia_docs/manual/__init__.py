"""Generates the manual pages and the table of completions from the command line's own help."""

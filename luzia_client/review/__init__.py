"""Review of finished work: decisions, comments, verified merges, pull requests, races.

It works through the Python API and git, for the command line, the web page and the MCP hub alike.
"""

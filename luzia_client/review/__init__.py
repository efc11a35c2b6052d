"""Review of finished work: merges that are verified before.

It works through the Python API and git, for the command line, the web page and the MCP hub alike.
"""

"""The records of jobs: spec, status, life cycle, the table of all, the view for clients.

Most of it is pure data and functions; nothing here decides what happens next.
"""

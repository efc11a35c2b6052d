"""A job as the daemon keeps it: its spec and status, its life cycle, the table of all jobs, and the view for clients.

Most of it is pure data and functions; nothing here decides what happens next.
"""

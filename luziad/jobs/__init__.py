"""A job as the daemon keeps it: its record, its life cycle, the table of all jobs, and the view that clients get.

Most of it is pure data and functions; nothing here decides what happens next.
"""

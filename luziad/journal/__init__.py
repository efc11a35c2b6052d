"""The journal: every change is committed, then published, then answered. It also loads the store and takes snapshots.

Nothing here decides about jobs.
"""

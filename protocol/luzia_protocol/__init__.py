"""The messages between clients and the daemon, the errors, the framing, and where the daemon's files are.

It imports nothing of the daemon and the clients. This module imports nothing, so that a client loads only the parts
that it needs.
"""

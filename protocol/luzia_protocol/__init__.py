"""luzia's protocol: the messages that clients and the daemon exchange, and where they meet.

This package module imports nothing, so that a client that needs only one part pays only for that part.
"""

"""The socket of the daemon, the admission of connections, their sessions, and systemd.

It decodes requests, calls their handlers and encodes the replies. It knows nothing about jobs.
"""

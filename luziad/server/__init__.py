"""The socket of the daemon, the admission of connections, their sessions, and systemd.

It decodes requests, calls their handlers and encodes the replies. It does nothing with jobs but
count them for systemd's status line.
"""

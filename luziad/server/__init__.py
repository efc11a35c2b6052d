"""The server: the socket, connections and their admission, sessions, and systemd.

It decodes requests, calls their handlers and encodes the replies. It knows nothing about jobs.
"""

"""Serves jobs to a browser, as a client of the daemon that keeps no job.

What the browser runs is in `static/`: pages, their parts, and the core that talks to this server.
"""

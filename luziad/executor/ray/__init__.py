"""Runs attempts on a cluster through Ray: each is a detached, named actor, which runs luzia's shim on its node.

Only `bridge.py`, `following.py` and `actor.py` import Ray. The bridge is a process of its own, so that Ray's threads,
signal handlers and memory stay out of the daemon, and a crash of Ray's client costs nothing but a new bridge. luziad
remains the only scheduler: it submits only what may start.
"""

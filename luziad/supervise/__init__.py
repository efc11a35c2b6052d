"""The processes that own agents: the fork server and the shims. Imports no other package of luziad.

Both run with the standard library alone (`python -I -S`). A shim shares the fork server's memory, so everything that is
imported here must stay small.
"""

"""The processes that own agents: the fork server and the shims. Imports nothing of the other rooms.

Both run with the standard library alone (`python -I -S`): a shim shares the fork server's memory, so
whatever is imported here is paid for once and must stay small.
"""

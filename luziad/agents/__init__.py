"""The adapters: each knows one agent, builds its command, reads its output and judges how an attempt ended.

They do no I/O and do not import one another; registry.py is the table of them.
"""

"""The adapters: each builds an agent's command, reads its output, and judges its end.

They do no I/O and do not import one another; registry.py is the table of them, and base.py is their interface.
"""

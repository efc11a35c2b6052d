"""One file per command. The docstring of each is the command's description in the help and the manual.

What several commands share is in the packages below; a command imports another one only to reuse its request or format.
"""

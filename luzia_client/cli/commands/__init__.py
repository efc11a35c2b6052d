"""The commands of `luzia`, one file each, with its options, its request and what it prints.

The docstring of each is the command's description in the help and the manual.

What several commands share is in the packages beside this one; a command imports another one only to reuse its request
or format.
"""

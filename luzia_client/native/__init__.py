"""The native luzia in C: its source, its build, and what Python continues for it.

The C program does what is usual and prints no message of its own: every other case is the Python program's.
"""

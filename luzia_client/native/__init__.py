"""The native luzia in C: its source, how it is built, and how Python continues what it hands over.

The C program does what is usual and prints no message of its own: every other case is the Python program's.
"""

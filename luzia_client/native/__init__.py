"""The native luzia in C: its source, and how it is built."""

"""`luzia top`: all jobs on a full screen, what the selected one writes, and keys to act on it."""

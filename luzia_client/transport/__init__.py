"""Reaches the daemon over its socket, and starts it when it does not run. Knows no message."""

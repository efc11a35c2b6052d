"""Connects to the daemon over its socket, and starts it when it is not running.

It carries lines and knows no message of the protocol.
"""

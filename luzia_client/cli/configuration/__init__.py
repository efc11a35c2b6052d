"""The configuration file as `luzia config` and `luzia init` read, change and write it.

It knows the schema as data; only the daemon decides whether a configuration is valid.
"""

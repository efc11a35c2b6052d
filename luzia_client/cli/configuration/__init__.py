"""The configuration file as `luzia config` and `luzia init` read, change and write it."""

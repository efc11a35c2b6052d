"""config.toml and the LUZIA_* variables: their schema, how they are read and checked, and how projects are edited.

Nothing else in the daemon reads either of them.
"""

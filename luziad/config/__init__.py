"""config.toml and the LUZIA_* variables: their schema, loading, checking, and the editing of projects.

Nothing else in the daemon reads them.
"""

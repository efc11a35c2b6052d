"""config.toml and the LUZIA_* variables: schema, loading, checking and editing.

Nothing else in the daemon reads them.
"""

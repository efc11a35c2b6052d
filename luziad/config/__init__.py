"""config.toml and the LUZIA_* variables: schema, loading, checking and editing. Also the files that are shipped
for them: agents that are described without code, and the prices of tokens.

Nothing else in the daemon reads them.
"""

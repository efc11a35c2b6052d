"""What an agent starts as its MCP server: carries lines between the agent and the hub.

It imports the standard library and small modules of luzia alone, never the SDK, so that it answers at once and every
agent can have one.
"""

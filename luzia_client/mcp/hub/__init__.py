"""The hub: answers the agents of all relays, with the SDK of MCP, as one client of the daemon's socket."""

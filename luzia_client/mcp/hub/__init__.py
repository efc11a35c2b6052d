"""The hub: answers the agents of all relays, with the SDK of MCP, as one client of the daemon's socket.

The tools are in `catalogue`, with `arguments`, `results` and `tools`; `tasks`, `resources` and `questions` are the rest
of what an agent can use, and `server` and `session` speak MCP. It keeps no jobs: the daemon is asked each time.
"""

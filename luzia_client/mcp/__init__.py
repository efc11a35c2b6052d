"""Lets coding agents dispatch jobs: luzia as a server of the Model Context Protocol (MCP).

Each agent starts a relay, which is small. The relays of a user share one hub, which has the SDK.
"""

"""Adds luzia's MCP server to the configuration files of agents, and removes it. It runs no agent."""

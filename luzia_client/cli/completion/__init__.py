"""Completion in bash, zsh and fish, from the generated table data/commands.json.

It runs at every TAB: it imports next to nothing, starts no daemon, and does not wait for a slow one.
"""

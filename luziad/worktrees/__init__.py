"""Git worktrees of jobs: creates, removes, discards, restores and compares them.

Without a discard, only those without unsaved work are removed. All of it blocks: call it on threads. It knows nothing
about jobs but the names of their worktrees.
"""

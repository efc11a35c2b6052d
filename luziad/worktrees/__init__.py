"""Git worktrees of jobs: running git, creating worktrees, and removing those without unsaved work.

All of it blocks: call it on threads. It knows nothing about jobs but the names of their worktrees.
"""

"""Git worktrees of jobs: creates them, and removes those without unsaved work.

All of it blocks: call it on threads. It knows nothing about jobs but the names of their worktrees.
"""

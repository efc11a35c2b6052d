"""Git worktrees of jobs: what git is asked, how trees are made, and when one may go. All of it blocks: for threads."""

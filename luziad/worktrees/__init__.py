"""Git worktrees of jobs: what git is asked, how they are made, and when one may go. All of it blocks: for threads."""

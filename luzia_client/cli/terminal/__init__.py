"""Programs that take over the user's terminal for a time: editors, agents, shells. Knows nothing of jobs."""

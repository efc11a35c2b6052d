"""Programs that take over the user's terminal for a time."""

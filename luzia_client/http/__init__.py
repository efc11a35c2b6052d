"""What the HTTP servers have in common: how long a client may be connected without asking anything."""

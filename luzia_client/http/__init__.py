"""What the HTTP servers share: how long a client may be connected and ask nothing."""

"""What `luzia init` finds, asks and does."""

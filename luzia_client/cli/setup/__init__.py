"""What `luzia init` finds, asks and does. It changes nothing that it has not shown before."""

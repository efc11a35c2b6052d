"""The ready queue: jobs that wait for nothing but a slot, in the order in which they start. Pure: no I/O, no clock."""

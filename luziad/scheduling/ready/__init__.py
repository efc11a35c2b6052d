"""The ready queue: the jobs that wait for nothing but a slot, in the order of their starts. Pure: no I/O, no clock."""

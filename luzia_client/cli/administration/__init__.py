"""What the commands for operators share: the checks of `luzia doctor`, snapshots, and pausing queues.

It talks to the daemon through the client, and to luziad as a program; it imports nothing of luziad.
"""

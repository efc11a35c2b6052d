"""What the commands for operators share: the checks of `luzia doctor`, snapshots, pausing queues,
and the installation of the service and of other hosts.

It talks to the daemon through the client, and to luziad as a program; it imports nothing of luziad.
"""

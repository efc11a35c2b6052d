"""What the commands for operators share: the checks of `luzia doctor`, snapshots, and stopping queues."""

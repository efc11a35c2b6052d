"""What `luziad` does without serving: it lists and restores snapshots, and reads a recorded output of an agent."""

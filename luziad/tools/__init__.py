"""What `luziad` does without a running daemon: snapshots, restore, reading of recordings. It changes no job."""

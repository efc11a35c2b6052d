"""What `luziad` does without a running daemon: snapshots, restore, reading of recordings.

It talks to no daemon; `--restore` replaces the store.
"""

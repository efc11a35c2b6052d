"""The actions of `luziad` without a running daemon: snapshots, restore, and reading an agent's recorded output."""

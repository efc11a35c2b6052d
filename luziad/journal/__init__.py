"""Commit, then publish, then reply: the one way by which anything is recorded, and what hears of it afterwards."""

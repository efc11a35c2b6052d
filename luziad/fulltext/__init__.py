"""The search over tasks, messages, files and transcripts of all jobs.

It is a part of the daemon, because it must know what is removed and where the output of an attempt is, and because its
cursor, the newest event of each job that it has, needs no other process. All its work is done on one thread.
"""

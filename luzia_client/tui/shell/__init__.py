"""`luzia shell`: a prompt for all luzia commands, with completion, history and notices of jobs.

`line_parser` and `quoting` read lines, `candidates` completes them, `job_tracker` follows the daemon, `session` is the
prompt, and `script` runs lines without one. Commands run in processes of their own.
"""

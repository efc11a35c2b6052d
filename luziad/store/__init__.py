"""The job store in SQLite: schema, snapshots, migrations, repair, pruning of events.

It knows the structs of jobs that it keeps as JSON, and nothing of what is done with them.
"""

"""The job store in SQLite: its schema, transactions, snapshots, migrations, and repair after damage.

It knows the structs of jobs that it keeps as JSON, and nothing of what is done with them.
"""

"""The daemon: it accepts jobs, records them, decides when they run, and supervises what runs.

app.py puts the parts together and is the only module that knows them all; every other import points downward, as
tests/unit/house/test_import_directions.py lists.
"""

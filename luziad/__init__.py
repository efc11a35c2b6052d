"""The daemon: it accepts jobs, records them, schedules them, and supervises the running ones.

app.py connects the parts and is the only module that knows them all. All imports point downward, as listed in
tests/unit/house/test_import_directions.py.
"""

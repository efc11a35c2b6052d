"""Runs attempts on this machine: has a shim forked for each, and watches it to its end.

An executor knows nothing of queues and slots: it runs what the scheduler submits, and reports to its observer.
"""

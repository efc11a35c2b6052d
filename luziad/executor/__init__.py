"""Runs attempts: a shim is forked for each and watched to its end, here or on a cluster.

`base.py` is the interface, `ray` the cluster. An executor knows nothing of queues and slots: it runs what the scheduler
submits, and reports to its observer.
"""

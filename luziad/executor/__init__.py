"""Executors run attempts: this machine's forks a shim for each, and watches it until its process tree has ended.

An executor knows nothing of queues and slots: it runs what the scheduler submits, and reports to its observer.
"""

"""The wall clock and the steady clock, timers for both, time zones, and the formatting of times.

It knows nothing of jobs.
"""

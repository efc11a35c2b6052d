"""The wall clock and the steady clock, timers, time zones, and the formatting of times.

It knows nothing of jobs.
"""

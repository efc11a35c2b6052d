"""The wall clock, the clock that counts from boot, timers for both, and time zones. Knows nothing of jobs' states."""

"""Schedules: jobs that are dispatched again and again, by the clock."""

"""Schedules: jobs that are dispatched at the times of a cron expression.

The manager dispatches through the scheduler, and never starts a job itself. Cron and due runs are pure.
"""

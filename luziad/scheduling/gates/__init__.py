"""What keeps a queued job from the ready queue: a start time, dependencies, a hold, a usage limit, a daily budget.

A gate is asked whether it is closed for a job, and says why in words; it never changes a job's state.
"""

"""The gates that keep a queued job from the ready queue: a start time, dependencies, a hold, limits, a daily budget.

A gate says whether it is closed for a job, and why. It never changes a job's state. A new gate is a new file here, and
one line in luziad/app.py.
"""

"""Attempts of jobs: launch, worktree, output, questions, budget, verdict, collisions.

The parts here watch attempts and report; they change a job's state only through the callables that they get, and know
nothing of queues and slots.
"""

"""Decides which job runs when: admission, gates, ready queue, start, end and retry.

And what becomes of jobs afterwards: races, reviews, and how long they and their discarded work are kept. Only the parts
of this package change the state of a job, on the event loop and without waiting. Each part has one task and gets what
it needs when it is constructed in luziad/app.py; what happens to jobs reaches other parts through
luziad/jobs/observer.py. Nothing here reads requests or answers clients.
"""

"""One run of a job's command: how it is launched, what its output tells while it runs, and how it is judged.

Nothing here changes the state of a job: the scheduler does, and asks these parts or hears from them.
"""

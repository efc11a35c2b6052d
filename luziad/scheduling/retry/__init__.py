"""Whether another attempt follows one that has ended, when, and which session it resumes.

It changes the retry state in the job's record, and neither its state nor any queue.
"""

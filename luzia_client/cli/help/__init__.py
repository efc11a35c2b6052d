"""Help texts, help topics, and the command line as data for the manual and the completions.

It describes the commands and runs none of them.
"""

"""Parses command lines: the table of commands, dispatches, options, times, files of jobs and selections of jobs.

It prints nothing but prompts, and imports nothing else of the command line.
"""

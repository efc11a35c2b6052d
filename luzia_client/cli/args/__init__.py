"""Parses command lines: the table of commands, dispatches, options, times, files of jobs and selections of jobs.

It prints nothing but prompts and what a selection leaves out, asks the daemon only for the jobs and projects that are
named, and imports nothing else of the command line.
"""

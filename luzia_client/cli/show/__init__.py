"""Jobs, schedules and statistics as text: words, tables, bars, colours and charts.

Most modules are pure formatting. `listing`, `job_pages` and `wire_jobs` also request what they print from the daemon.
Nothing here changes a job or keeps a screen up to date.
"""

"""Jobs, schedules and statistics as text: words, tables, bars, colours and charts.

Most modules are pure formatting. Those that print whole lists, such as `listing` and `all_hosts`, also request from the
daemon what they print.
Nothing here changes a job or keeps a screen up to date.
"""

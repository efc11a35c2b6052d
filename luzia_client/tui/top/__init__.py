"""`luzia top`: all jobs on a full screen, the output of the selected one, and keys that act on it.

`state` is what is shown, `views` draws it, `feed` and `transcript` update it from the daemon, and the effects of
the keys in `keys` are in `control`, `moving`, `arranging`, `pages` and `programs`. Nothing here polls.
"""

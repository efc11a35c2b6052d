"""The command `luzia review`: finished work on a full screen, and what is decided about it, with one key each.

keys.py has the table of keys; the effect of each is the method of that name in deciding.py, moving.py, marking.py,
outside.py or app.py. engine.py is all that the screen needs of the daemon and of git.
"""

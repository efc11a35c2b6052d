"""What the full screens have in common: keys, the input line, pages of text, and work in the background.

keys.py is what a table of keys is made of, app.py runs a screen, and connection.py keeps it connected to the daemon.
Nothing here knows what a screen shows.
"""

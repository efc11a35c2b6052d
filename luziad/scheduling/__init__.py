"""Which job runs when. scheduler.py is the only writer of jobs' states; the packages below it are its parts."""

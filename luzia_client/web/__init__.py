"""Serves jobs to a browser, as a client of the daemon that keeps no job."""

"""The daemon as a whole: status, reload, shutdown, import, spending, limits of the process.

Also the versions of the programs that it runs. They read the scheduler and its parts, and change jobs through the
scheduler only.
"""

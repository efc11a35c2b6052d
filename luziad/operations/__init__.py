"""Operations on the whole daemon: reload, shutdown, import, spending, limits of the process.

They read the scheduler and its parts, and change jobs through the scheduler only.
"""

"""Operations on the whole daemon, such as reload, shutdown, import, spending, and the limits of its process.

They read the scheduler and its parts, and change jobs through the scheduler only.
"""

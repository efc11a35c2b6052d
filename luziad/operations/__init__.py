"""Operations on the whole daemon: reload, shutdown, import, versions.

They read the scheduler and its parts, and change jobs through the scheduler only.
"""

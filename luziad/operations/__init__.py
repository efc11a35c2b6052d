"""Operations on the whole daemon: reload, status, shutdown, import, and the versions of installed programs.

They read the scheduler and its parts, and change jobs through the scheduler only.
"""

"""The fork server and the shims, which start agents and end their process trees.

They are processes of their own and import no other package of luziad; the daemon uses the helpers here too. Both run
with the standard library alone (`python -I -S`). A shim shares the fork server's memory, so everything that is imported
here must stay small.
"""

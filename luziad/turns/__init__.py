"""Time on the event loop, shared in turns among connections and other long work.

The next turn goes to the process, and then the connection, that has used least.
"""

"""The handlers of all requests: one module per topic, and the table of them in `registry`.

A handler checks a request, calls the part of the daemon that does the work, and answers the call. `dispatch` has the
validation of new jobs. Handlers decide nothing about jobs themselves, and keep nothing
but the parts of a graph that has not come completely.
"""

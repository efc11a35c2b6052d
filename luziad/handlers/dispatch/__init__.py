"""The validation of a dispatch, one module per part of the request, and the factory of job records.

A `validate_*` function takes the request (or a part of it) first, returns the validated value, and raises Refused.
Nothing here changes a job or answers a call.
"""

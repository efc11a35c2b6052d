"""What the HTTP servers share: how long a client may be connected and ask nothing, and their certificates.

It knows no page, no request and no job.
"""

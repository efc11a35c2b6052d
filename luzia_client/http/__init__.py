"""What the HTTP servers share: the time that a silent client may stay, and certificates.

It knows no page, no request and no job.
"""

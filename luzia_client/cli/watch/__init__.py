"""Live views of jobs without a full screen: `jobs --watch`, and the output of many jobs in `follow`.

They are driven by the daemon's events and never poll. Full screens are in luzia_client.tui.
"""

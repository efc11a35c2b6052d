"""The full screen of `luzia top` and the prompt of `luzia shell`.

Only their two commands import this package. It may use everything else in luzia_client but the commands themselves.
"""

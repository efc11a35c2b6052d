"""The full screens of `luzia top` and `luzia review`, and the prompt of `luzia shell`.

Only their commands import this package. It may use everything else in luzia_client but the commands themselves.
"""

"""The full screen `luzia top` and the prompt `luzia shell`, built with prompt_toolkit.

Only their two commands import this package. It may use everything else in luzia_client but the commands themselves.
"""

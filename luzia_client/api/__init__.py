"""The Python API: Client and AsyncClient, and what both share to make requests, read replies and continue streams.

`luzia_client` exports its public names. It prints nothing and parses no command line.
"""

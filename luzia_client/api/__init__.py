"""The Python API: Client and AsyncClient, and what makes requests and reads replies.

`luzia_client` exports its public names. It prints nothing and parses no command line.
"""

"""The Python API: Client, AsyncClient, and the requests and streams that they share.

`luzia_client` exports its names.
"""

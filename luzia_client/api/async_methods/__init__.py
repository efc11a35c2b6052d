"""The methods of AsyncClient for plain requests, one file a topic.

Client has the same ones: `make generate` writes luzia_client/methods/ from these files.
"""

"""The methods of Client for plain requests, made from those of AsyncClient by `make generate`."""

"""Time limits of attempts, of whole jobs, and until their start. They end jobs through the callables that they get."""

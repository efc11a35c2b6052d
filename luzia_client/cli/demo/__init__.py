"""The project of `luzia demo`, and its measurements. It knows nothing of the daemon's start and stop."""

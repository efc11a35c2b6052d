"""Whether another attempt follows one that has ended, when, and what it continues."""

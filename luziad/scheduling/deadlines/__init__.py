"""The limits in time: of an attempt, of a whole job, and until its start."""

"""`luzia shell`: a prompt at which every luzia command works, with completion, history and news of jobs."""

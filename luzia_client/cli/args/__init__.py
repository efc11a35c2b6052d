"""From the words of a command line to values: the grammar of a dispatch, options, times, selections of jobs."""

"""Jobs, schedules and statistics as text: words, tables, bars and colours. Nothing here asks a daemon."""

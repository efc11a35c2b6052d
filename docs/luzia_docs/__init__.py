"""What makes the generated documentation: the pages from code, the manual, the site. None of it is installed."""

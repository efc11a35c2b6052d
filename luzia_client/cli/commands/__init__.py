"""One file for each command. Each offers `configure(parser)` and `run(args)`, its docstring is its description."""

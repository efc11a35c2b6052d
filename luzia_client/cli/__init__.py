"""The command `luzia`. main.py finds the module of a command in commands/; the other packages are shared by these."""

"""What the commands of `luzia` share to parse, print, watch and complete.

main.py finds the module of a command in commands/; the other packages are shared by these.
"""

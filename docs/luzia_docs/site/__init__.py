"""The documentation as a web site, built into build/site by `make site`.

pages.py reads the written pages, reference.py generates the reference from the code, conf.py configures Sphinx, and
build.py runs it. pictures.py and svg.py make the pictures of the screens. Not part of the installed package.
"""

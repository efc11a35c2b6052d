"""Builds packages of luzia for distributions: the same tree of files, as a .deb and as an .rpm.

The tools are those of the distributions, dpkg-deb and rpmbuild: they are kept as long as the formats are, and come
with apt. The tree has a bundled virtual environment, because no distribution has all dependencies in these versions.
"""

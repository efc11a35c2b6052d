"""Generators of the documentation: pages made from code, the manual, and the web site. Not part of the package."""

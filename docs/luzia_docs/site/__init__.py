"""The documentation as a site: `make site` puts it into build/site.

pages.py gathers the pages that people write, reference.py writes those that come from the code, conf.py is
Sphinx's configuration, and build.py runs it all. None of it is installed with luzia.
"""

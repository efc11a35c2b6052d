"""`python -m luziad`"""

from __future__ import annotations

import sys

from luziad.cli import main

sys.exit(main())

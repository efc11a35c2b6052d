"""Starts the Python program for a short command, in an interpreter that has not loaded the module site.

The native luzia starts it so (START in luzia.c): site reads the directories of packages and does what their files ask
for, which is a quarter of the time of such a command. It is loaded after all when a module is not found without it.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType


class UsualPath:
    """The last finder of modules: has site complete the path, once, and asks the finders again."""

    @classmethod
    def find_spec(
        cls, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A module that nothing else has found. path: that of its package, None if it is in none."""
        if path is not None:
            return None
        import site

        sys.meta_path.remove(cls)
        site.main()
        specs = (finder.find_spec(name, path, target) for finder in sys.meta_path)
        return next((spec for spec in specs if spec is not None), None)


def run(main: Callable[[], int]) -> int:
    """Run the command line of the process; returns the exit status, unless all is done and the process can end here.

    main: the Python program, which has flushed stdout when it returns.
    """
    sys.meta_path.append(UsualPath)
    status = main()
    if status == 0 and "threading" not in sys.modules:
        os._exit(0)  # to take the interpreter apart would take another quarter of the time
    return status

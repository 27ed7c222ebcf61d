"""Runs `SCRIPT` or `-m MODULE` in a rank; ends with status 3 where gloo's threads outlive the process group.

Such a thread aborts a run now and then; that it is there can be seen each time.
"""

from __future__ import annotations

import atexit
import os
import runpy
import sys
from pathlib import Path


def gloo_threads() -> int:
    names = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
    return names.count("pt_gloo_runloop")


def look() -> None:
    """Called at the end of Python, while what the script has at its top level is still there."""
    if count := gloo_threads():
        print(f"{count} threads of gloo outlive the process group", file=sys.stderr, flush=True)
        os._exit(3)


atexit.register(look)
del sys.argv[0]
if sys.argv[0] == "-m":
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
else:
    # Not by runpy, which drops the script's top level, and all that it holds, at the end of the script.
    exec(compile(Path(sys.argv[0]).read_text(), sys.argv[0], "exec"), globals())

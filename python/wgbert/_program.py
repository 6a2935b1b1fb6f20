"""Where the console script is: the command line in a process of its own."""

import os
import sys
import sysconfig


def find() -> str | None:
    """The console script `wgbert` of this installation, if there is one."""
    name = "wgbert.exe" if os.name == "nt" else "wgbert"
    schemes = [sysconfig.get_default_scheme(), sysconfig.get_preferred_scheme("user")]
    folders = [sysconfig.get_path("scripts", scheme) for scheme in schemes]
    for folder in [os.path.dirname(sys.executable), *folders]:
        path = os.path.join(folder, name)
        if os.access(path, os.X_OK):
            return path
    return None

# SPDX-License-Identifier: MPL-2.0
from __future__ import annotations

import sys


def run() -> int:
    """An interrupt while modules are still being imported is one like any other."""
    try:
        from source_coverage.command import main

        return main(sys.argv[1:])
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(run())

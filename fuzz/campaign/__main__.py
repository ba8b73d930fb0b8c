# SPDX-License-Identifier: MPL-2.0
from __future__ import annotations

import sys


def run() -> int:
    """An interrupt while modules are still being imported is one like any other."""
    try:
        command, argv = sys.argv[1], sys.argv[2:]
        if command == "findings":
            from campaign.list_findings import main
        else:
            from campaign.supervise import main

        return main(argv)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(run())

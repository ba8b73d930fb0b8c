# SPDX-License-Identifier: MPL-2.0
from __future__ import annotations

import sys

from campaign.supervise import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

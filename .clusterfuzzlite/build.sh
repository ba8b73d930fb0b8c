#!/bin/bash -eu
# SPDX-License-Identifier: MPL-2.0
# What the fleet has set in the environment says what is built, and how.
exec "$SRC/slotcheck/fuzz/build.sh"

# SPDX-License-Identifier: MPL-2.0
# Written by generate_binding.py.
PARAMETERS: dict[str, tuple[str, ...]]
SUBJECT_FUNCTIONS: dict[str, tuple[tuple[str, str], ...]]

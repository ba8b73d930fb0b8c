# SPDX-License-Identifier: MPL-2.0
"""What is wrong with a subject, before anything runs."""

from __future__ import annotations


class SubjectError(ValueError):
    """What was named is no subject; the message says why, in one line."""

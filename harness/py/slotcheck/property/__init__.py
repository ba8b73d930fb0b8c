# SPDX-License-Identifier: MPL-2.0
"""`./slotcheck property`: runs the properties in child processes and says what came of it.

arguments  what the user wants              plugin     what a child reports, a plugin of pytest
options    what the children are told       child      one child, as its parent sees it
failures   what it says of a failure        journal    memory that outlives a child
corpus     programs for the fuzzers         folder     where results are kept
findings   case files and records           replay     cases that are run and shrunk in C
report     progress line and summary        errors     how a run ends that cannot go on
supervise  the run itself
"""

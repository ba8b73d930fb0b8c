# SPDX-License-Identifier: MPL-2.0
"""Mutants: small patches to the implementation, and which driver finds which of them how fast.

patches.py reads them, build.py builds them, drivers/ has a file for each driver, judge.py says what
a driver has found, matrix.py keeps the results, clauses.py asks what each clause is good for,
table.py prints, command.py is the whole of it.
"""

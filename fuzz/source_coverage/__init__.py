# SPDX-License-Identifier: MPL-2.0
"""Coverage: which regions of impl/ and oracle/ the programs of a corpus reach.

corpus.py has what is run and runs it, slots.py reads the inputs of the target `repr`, llvm.py calls
LLVM's tools, regions.py makes one set of regions of what they know, marks.py finds what the sources
call unreachable, verdict.py puts the two together, table.py prints, command.py is the whole of it.
"""

# SPDX-License-Identifier: MPL-2.0
"""`./slotcheck fuzz`: runs fuzz targets for a while and says what came of it; and
`./slotcheck findings`, which says what became of that.

supervise      the campaign itself          plan           which engine and build each job runs
arguments      what the user wants          job            a process of whatever engine
folder         where results are kept       libfuzzer, afl what is particular to each
findings       a folder for each signature  crashes        what crashes are called
replay         findings are run again       reproducer     a case as a C program
list_findings  the other command            report         status lines and the summary
counts         what the fuzz targets count  ledger         the same, clause by clause
series         the same over the time       versions       of all that took part
files          written whole or not at all  errors         how a campaign ends that cannot go on
parser         how command lines are read   entry          how any command begins and ends
"""

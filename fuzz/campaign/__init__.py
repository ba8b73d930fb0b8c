# SPDX-License-Identifier: MPL-2.0
"""`./slotcheck fuzz`: runs fuzz targets for a while and says what came of it.

arguments  what the user wants              engine     one libFuzzer process and what it prints
folder     where results are kept           counts     what the fuzz targets count
findings   case files and crashes           report     status lines and the summary
supervise  the campaign itself              errors     how a campaign ends that cannot go on
"""

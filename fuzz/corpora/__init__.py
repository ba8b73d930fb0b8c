# SPDX-License-Identifier: MPL-2.0
"""`./slotcheck corpus`: keeps folders of programs small without losing what they show.

arguments  what the user wants              cover      the fewest programs that show all
inputs     what lies in a folder            store      changes to a folder, each safe
features   what programs show               distill    programs cut down to what they are there for
reading    inputs with what they show       report     what a person, or a machine, reads
command    the five commands
"""

# SPDX-License-Identifier: MPL-2.0
"""Lockstep differential testing of frame-metadata slots, from Python.

    slotcheck.oracle     the executable specification: states, predicates, explanations
    slotcheck.program    programs, as bytes and as text
    slotcheck.subject    what is tested: the built-in implementation, a library, a class in Python
    slotcheck.trial      programs in lockstep on a subject and the specification
    slotcheck.machine    state machines for Hypothesis
    slotcheck.programs   whole programs, and case files as examples
    slotcheck.states     abstract states as Hypothesis strategies
"""

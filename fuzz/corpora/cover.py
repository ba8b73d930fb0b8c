# SPDX-License-Identifier: MPL-2.0
"""The fewest programs that show all: a greedy set cover, and then none that can be left out.

What is chosen depends on the set of what there is to choose from, and on nothing else: not on
names, on the order, nor on the clock.
"""
from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Candidate:
    mask: int  # a bit for each feature that it shows
    size: int
    key: bytes  # tells apart what is otherwise equal


def greedy(candidates: Sequence[Candidate], covered: int = 0) -> list[int]:
    """Always next the one that shows most of what is not covered yet, of several the smallest.
    Gains only shrink, so one that was the best, and still gains as much, is the best."""
    heap = [
        (-(one.mask & ~covered).bit_count(), one.size, one.key, at)
        for at, one in enumerate(candidates)
    ]
    heapq.heapify(heap)
    chosen = []
    while heap:
        gain, size, key, at = heapq.heappop(heap)
        still = -(candidates[at].mask & ~covered).bit_count()
        if still == 0:
            continue
        if still != gain:
            heapq.heappush(heap, (still, size, key, at))
            continue
        chosen.append(at)
        covered |= candidates[at].mask
    return chosen


def without_superfluous(
    candidates: Sequence[Candidate], chosen: Sequence[int], covered: int = 0
) -> list[int]:
    """None of these can be left out. The largest is tried first; the order stays as it was."""
    order = sorted(chosen, key=lambda at: (-candidates[at].size, candidates[at].key))
    behind = [0]  # what those from the end on show
    for at in reversed(order):
        behind.append(behind[-1] | candidates[at].mask)
    kept = set()
    for at in order:
        behind.pop()
        if candidates[at].mask & ~(covered | behind[-1]):
            kept.add(at)
            covered |= candidates[at].mask
    return [at for at in chosen if at in kept]


def fewest(candidates: Sequence[Candidate], covered: int = 0) -> list[int]:
    """Which of them show all that they show together, beyond what is covered, the best first."""
    return without_superfluous(candidates, greedy(candidates, covered), covered)

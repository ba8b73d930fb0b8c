/* SPDX-License-Identifier: MPL-2.0 */
/*
 * PageTableNode: a frame that holds one node of a page table.
 */
#pragma once

#include <stdint.h>

#include "metaslot/frame.h"

/*
 * PageTableNode::alloc on the frame at `paddr`, which upstream takes from its allocator: a Frame
 * whose PTNode has this level, 1..=4, no children, is not stray and not locked. The frame's usage
 * becomes PageTable. Errors of meta_slot_get_from_unused. Thread-safe.
 */
METASLOT_MUST_CHECK enum metaslot_result page_table_node_alloc(const struct meta_region *region,
                                                               uint64_t paddr, uint8_t level,
                                                               struct frame *node);

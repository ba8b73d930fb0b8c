/* SPDX-License-Identifier: MPL-2.0 */
/* PageTableNode: allocation. */
#include "metaslot/page_table_node.h"

enum metaslot_result page_table_node_alloc(const struct meta_region *region, uint64_t paddr,
                                           uint8_t level, struct frame *node)
{
    struct pt_node_meta object = {.level = level};
    enum metaslot_result result = meta_slot_claim(region, paddr, pt_node_metadata(&object), false,
                                                  PAGE_USAGE_PAGE_TABLE, &node->slot);

    if (result == METASLOT_OK) {
        meta_slot_repark(region, node->slot);
        ghost_obligation_minted(region, node->slot);
    }
    return result;
}

/* SPDX-License-Identifier: MPL-2.0 */
/* The largest type that fits, or with a definition one that must not compile. */
#include "metaslot/metadata.h"

#if defined(TOO_LARGE)
struct sample {
    unsigned char bytes[FRAME_METADATA_MAX_SIZE + 1];
};
METADATA_FITS(struct sample);
#elif defined(OVER_ALIGNED)
/* No struct of such an alignment is small enough, so that the size alone would refuse it. */
typedef unsigned char sample __attribute__((aligned(2 * META_SLOT_SIZE)));
METADATA_FITS(sample);
#else
struct sample {
    alignas(8) unsigned char bytes[FRAME_METADATA_MAX_SIZE];
};
METADATA_FITS(struct sample);
#endif

/* SPDX-License-Identifier: MPL-2.0 */
/*
 * How an operation ends.
 */
#pragma once

/* A result of this kind must be looked at: an ignored error is a handle that does not exist. */
#define METASLOT_MUST_CHECK __attribute__((warn_unused_result))

/* GetFrameError, success, and the three ends that are no error of that type. */
enum metaslot_result {
    METASLOT_OK = 0,
    METASLOT_IN_USE = 1,
    METASLOT_UNUSED = 2,
    METASLOT_BUSY = 3,
    METASLOT_UNIQUE = 4,
    METASLOT_OUT_OF_BOUND = 5,
    METASLOT_NOT_ALIGNED = 6,
    METASLOT_RETURNED = 7, /* unique_frame_try_from, frame_try_from: the frame comes back */
    METASLOT_PANIC = 8,    /* the region's panic hook was called and returned */
    METASLOT_NONE = 9,     /* Option::None: nothing to take, no such element */
};

/* SPDX-License-Identifier: MPL-2.0 */
#include "spec_operations.h"

#define OP(name, ...) [OP_##name] = requires_##name,
spec_requires_fn *const REQUIRES[NR_OPS] = {
#include "slotcheck/ops.def"
};
#undef OP
#define OP(name, ...) [OP_##name] = reference_##name,
spec_reference_fn *const REFERENCE[NR_OPS] = {
#include "slotcheck/ops.def"
};
#undef OP
#define OP(name, ...) [OP_##name] = judge_##name,
spec_judge_fn *const JUDGE[NR_OPS] = {
#include "slotcheck/ops.def"
};
#undef OP

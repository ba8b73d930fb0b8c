# SPDX-License-Identifier: MPL-2.0
# What cffi makes of binding.h. Its types are in C.
from typing import Any

ffi: Any
lib: Any

# SPDX-License-Identifier: MPL-2.0
# cmake -D OPS=ops.def -D FIELDS=fields.def -D OUTPUT=FILE -P divergence_traps.cmake
#
# Writes the list of divergence_trap.c. Names that nothing have in common are digests of the pair.
file(STRINGS ${OPS} ops REGEX "^OP\\(")
list(TRANSFORM ops REPLACE "^OP\\(([a-z_]+),.*$" "\\1")
file(STRINGS ${FIELDS} fields REGEX "^FIELD\\(")
list(TRANSFORM fields REPLACE "^FIELD\\(([a-z_]+)\\).*$" "\\1")

set(lines "")
foreach(op IN LISTS ops)
    foreach(field IN LISTS fields)
        string(SHA256 digest "${op}.${field}")
        string(SUBSTRING ${digest} 0 32 inner)
        string(SUBSTRING ${digest} 32 32 outer)
        string(APPEND lines "TRAP(${op}, ${field}, d${inner}, d${outer})\n")
    endforeach()
endforeach()
file(WRITE ${OUTPUT} "${lines}")

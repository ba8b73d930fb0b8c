#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Installs the oracle alone and builds a program against it, as somebody without the rest of the
# project does: through find_package, and through pkg-config.
#
#     test_install.sh SOURCE_DIR      compiler and cmake from $CC and $CMAKE
set -eu

source_dir=$1
cmake=${CMAKE:-cmake}
cc=${CC:-cc}
export CC="$cc"
# The build that runs this test may be a sanitized one; what it builds here is not.
unset CFLAGS LDFLAGS

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
elsewhere=$work/elsewhere

# Says what is done, and shows what it printed only if it fails.
run() {
    echo "+ $*"
    "$@" >"$work/log" 2>&1 || { cat "$work/log"; echo "failed: $*"; exit 1; }
}

# Configured for one place, installed to another, and moved from there to a third.
run "$cmake" -S "$source_dir" -B "$work/build" -DCMAKE_INSTALL_PREFIX="$elsewhere"
run "$cmake" --build "$work/build"
run "$cmake" --install "$work/build" --prefix "$work/staged"
run test ! -e "$elsewhere"
run mv "$work/staged" "$prefix"

mkdir "$work/consumer"
cat >"$work/consumer/consumer.c" <<'END'
#include <metaslot_oracle.h>

/* Claims a slot on the reference and asks the judge. */
int main(void)
{
    static struct clause_report report;
    struct spec_call call = {.metadata.type = SPEC_METADATA_UNTYPED};
    struct meta_region_owners pre;
    struct spec_outcome outcome;
    struct reference ref;

    if (!meta_region_owners_create(&pre, 2) || !reference_create(&ref, 2))
        return 1;
    reference_frame_from_unused(&ref, &call, &outcome);
    if (!judge_frame_from_unused(&pre, &ref.owners, &call, &outcome, &report))
        return 2;
    if (judge_frame_from_unused(&pre, &pre, &call, &outcome, &report))
        return 3;
    meta_region_owners_destroy(&pre);
    reference_destroy(&ref);
    return 0;
}
END
cat >"$work/consumer/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(consumer LANGUAGES C)
find_package(metaslot_oracle 0.1 REQUIRED)
add_executable(consumer consumer.c)
target_link_libraries(consumer PRIVATE metaslot_oracle::metaslot_oracle)
END
run "$cmake" -S "$work/consumer" -B "$work/consumer/build" -DCMAKE_PREFIX_PATH="$prefix"
run "$cmake" --build "$work/consumer/build"
run "$work/consumer/build/consumer"

# Builds the program with the options of the .pc file below a directory.
use_pkg_config() {
    pc=$(find "$1" -name metaslot_oracle.pc)
    run test -n "$pc"
    export PKG_CONFIG_PATH="${pc%/*}"
    rm -f "$work/consumer/by-pkg-config"
    # Word splitting is wanted: these are lists of options.
    # shellcheck disable=SC2046
    run "$cc" -std=c11 "$work/consumer/consumer.c" -o "$work/consumer/by-pkg-config" \
        $(pkg-config --cflags --libs metaslot_oracle)
    run "$work/consumer/by-pkg-config"
}
use_pkg_config "$prefix"

# The library's folder outside the prefix, which is known only on installing.
rm -rf "$prefix"
run "$cmake" -S "$source_dir" -B "$work/build" -DCMAKE_INSTALL_LIBDIR="$work/libraries"
run "$cmake" --build "$work/build"
run "$cmake" --install "$work/build" --prefix "$prefix"
run test ! -e "$elsewhere"
use_pkg_config "$work/libraries"

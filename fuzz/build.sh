#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Builds the targets into $OUT as fleets want them (OSS-Fuzz, ClusterFuzz, ClusterFuzzLite): the
# targets, and for each its seeds NAME_seed_corpus.zip, NAME.options and, where it helps, NAME.dict.
# A fleet's own script sets the compilers, their flags and the engine; by hand, OUT is enough:
#
#     OUT=out/fleet FUZZING_ENGINE=afl SANITIZER=address fuzz/build.sh
#
# --help says the rest. Exit status: 2 wrong usage, or what cannot be built or written here; 3 the
# build failed.
set -uo pipefail

root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
targets=(lockstep program_bytes program_text repr)

die() { # STATUS MESSAGE
    printf 'fuzz/build.sh: %s\n' "$2" >&2
    exit "$1"
}

help() {
    cat <<'END'
usage: OUT=FOLDER [NAME=VALUE...] fuzz/build.sh

Builds the fuzz targets into OUT, with their seeds, dictionaries and options.

  FUZZING_ENGINE   libfuzzer (default), afl, or none: programs that replay files
  SANITIZER        address (default), undefined or none; libfuzzer and none also have memory, thread
                   and coverage
  WORK             folder for the builds (default: build/fleet of the sources)
  JOBS             compilers at once (default: one per CPU)

Where LIB_FUZZING_ENGINE is set, as it is by the scripts of a fleet, it and CC, CXX, CFLAGS and
CXXFLAGS are taken as they are, for any engine.

example:
  OUT=out/fleet SANITIZER=memory fuzz/build.sh
END
}

# --- what OSS-Fuzz's script `compile` sets, for the engines that Debian has -----------------------

# unsigned-integer-overflow is no error, only more coverage: the targets' defaults silence it.
undefined=array-bounds,bool,builtin,enum,integer-divide-by-zero,null,object-size,return
undefined+=,returns-nonnull-attribute,shift,signed-integer-overflow,unreachable,vla-bound

sanitizer_flags() {
    case $SANITIZER in
    address) echo "-fsanitize=address -fsanitize-address-use-after-scope" ;;
    undefined) echo "-fsanitize=$undefined,unsigned-integer-overflow -fno-sanitize-recover=$undefined" ;;
    memory) echo "-fsanitize=memory -fsanitize-memory-track-origins" ;;
    thread) echo "-fsanitize=thread" ;;
    coverage) echo "-fprofile-instr-generate -fcoverage-mapping" ;;
    none) ;;
    *) return 1 ;;
    esac
}

engine_flags() {
    # A coverage build counts for people, not for the engine.
    if [ "$FUZZING_ENGINE" = libfuzzer ] && [ "$SANITIZER" != coverage ]; then
        echo "-fsanitize=fuzzer-no-link"
    fi
}

choose_engine() {
    case $FUZZING_ENGINE in
    libfuzzer) CC=clang CXX=clang++ LIB_FUZZING_ENGINE=-fsanitize=fuzzer ;;
    # Its compiler takes the flag for its own driver.
    afl) CC=afl-clang-fast CXX=afl-clang-fast++ LIB_FUZZING_ENGINE=-fsanitize=fuzzer AFL_QUIET=1 ;;
    none) CC=clang CXX=clang++ LIB_FUZZING_ENGINE= ;;
    *) die 2 "FUZZING_ENGINE=$FUZZING_ENGINE: set its CC, CXX, CFLAGS and LIB_FUZZING_ENGINE, too; \
known are libfuzzer, afl and none" ;;
    esac
    export CC CXX LIB_FUZZING_ENGINE ${AFL_QUIET+AFL_QUIET}
}

set_up_by_hand() {
    local sanitizer
    sanitizer=$(sanitizer_flags) ||
        die 2 "SANITIZER=$SANITIZER: none of address, undefined, memory, thread, coverage, none"
    # Its driver is not instrumented: MSan reports what that has read, and TSan does not start.
    [[ $FUZZING_ENGINE-$SANITIZER != afl-@(memory|thread|coverage) ]] ||
        die 2 "SANITIZER=$SANITIZER is not for afl, only for libfuzzer and none"
    [ "${ARCHITECTURE:-$(uname -m)}" = "$(uname -m)" ] ||
        die 2 "ARCHITECTURE=$ARCHITECTURE: by hand, only $(uname -m) can be built here"
    choose_engine
    command -v "$CC" >/dev/null || die 2 "FUZZING_ENGINE=$FUZZING_ENGINE needs $CC, which is missing"
    CFLAGS="-O1 -fno-omit-frame-pointer -gline-tables-only \
-DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION $sanitizer $(engine_flags)"
    export CFLAGS CXXFLAGS=$CFLAGS
}

# --- building -------------------------------------------------------------------------------------

configure() { # FOLDER ARGUMENT...
    # Of sources elsewhere: a copied checkout.
    grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$1/CMakeCache.txt" 2>/dev/null || rm -rf "$1"
    cmake -S "$root" -B "$@" -D SLOTCHECK_TESTS=OFF -D SLOTCHECK_COMMAND=OFF ||
        die 3 "configuring failed"
}

compile() { # FOLDER TARGET
    cmake --build "$1" --target "$2" -j "${JOBS:-$(nproc)}" || die 3 "building failed"
}

build_targets() { # FOLDER
    # Anew, because CFLAGS are looked at only then. No build type: its flags would come after those
    # of the fleet.
    configure "$1" --fresh -D SLOTCHECK_ENGINE=environment -D CMAKE_BUILD_TYPE=None
    compile "$1" fleet_targets
}

# By the compiler of this machine: what an engine has instrumented may want an engine to run.
build_packer() { # FOLDER
    (
        unset CFLAGS CXXFLAGS LDFLAGS CC CXX
        configure "$1"
        compile "$1" pack_seeds
    ) || exit
}

# --- what goes into $OUT --------------------------------------------------------------------------

make_folder() { # FOLDER
    { mkdir -p "$1" && [ -w "$1" ]; } 2>/dev/null || die 2 "cannot write to $1"
}

# Under a name that no fleet takes for a target, then renamed: what is there is whole.
deliver() { # FILE [NAME]
    local name=${2:-${1##*/}}
    if ! { cp "$1" "$OUT/.$name.part" && mv -f "$OUT/.$name.part" "$OUT/$name"; } 2>/dev/null; then
        rm -f "$OUT/.$name.part"
        die 2 "cannot write $OUT/$name"
    fi
}

deliver_targets() { # BUILD
    local target file
    for target in "${targets[@]}"; do
        deliver "$1/fuzz/$target"
        for file in "$1/fuzz/$target".{options,dict}; do [ ! -e "$file" ] || deliver "$file"; done
    done
}

seed_texts() {
    texts=("$root"/corpus/{seeds,regressions}/*.txt)
}

# A seed and a regression of one name would overwrite each other.
refuse_one_name_twice() {
    local texts name
    seed_texts
    name=$(printf '%s\n' "${texts[@]##*/}" | sort | uniq -d | head -n 1)
    [ -z "$name" ] || die 2 "corpus/seeds/$name: corpus/regressions has a program of that name, too"
}

deliver_seeds() { # BUILD
    local seeds=$WORK/seeds texts
    seed_texts
    rm -rf "$seeds"
    make_folder "$seeds"
    "$1/fuzz/pack_seeds" "$seeds" "${texts[@]}" || exit
    python3 "$root/fuzz/seed_corpora.py" --out "$OUT" --packed "$seeds" \
        --slots "$root/corpus/repr" "${texts[@]}" || exit
}

main() {
    case ${1-} in
    --help | -h) help && exit ;;
    ?*) die 2 "takes no arguments; fuzz/build.sh --help" ;;
    esac
    [ -n "${OUT-}" ] || die 2 "OUT is not set; fuzz/build.sh --help"
    FUZZING_ENGINE=${FUZZING_ENGINE:-libfuzzer} SANITIZER=${SANITIZER:-address}
    [ -n "${LIB_FUZZING_ENGINE+set}" ] || set_up_by_hand
    # An engine that is none is what its name says, whatever the image has set before.
    [ "$FUZZING_ENGINE" != none ] || export LIB_FUZZING_ENGINE=
    WORK=${WORK:-$root/build/fleet}
    make_folder "$OUT"
    make_folder "$WORK"
    ! command -v ninja >/dev/null || export CMAKE_GENERATOR=Ninja
    shopt -s nullglob
    refuse_one_name_twice
    build_targets "$WORK/$FUZZING_ENGINE-$SANITIZER"
    build_packer "$WORK/packer"
    deliver_targets "$WORK/$FUZZING_ENGINE-$SANITIZER"
    deliver_seeds "$WORK/packer"
}

main "$@"

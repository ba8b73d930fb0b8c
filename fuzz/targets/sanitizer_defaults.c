/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What every target wants of a sanitizer, so that no user has to set it; the environment's
 * ASAN_OPTIONS and so on still win. A sanitizer that is not linked in never asks.
 */
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);
const char *__msan_default_options(void);
const char *__tsan_default_options(void);

const char *__asan_default_options(void)
{
    /* Leaks: the session lives as long as the process; and in many containers the check cannot run.
     */
    return "detect_leaks=0:strict_string_checks=1:detect_invalid_pointer_pairs=2";
}

const char *__ubsan_default_options(void)
{
    /* Fleets take unsigned overflows for coverage; they are no errors in C. */
    return "print_stacktrace=1:halt_on_error=1:silence_unsigned_overflow=1";
}

const char *__msan_default_options(void)
{
    return "halt_on_error=1";
}

const char *__tsan_default_options(void)
{
    /* Going on after a report loses the input; other frame formats are not understood by fleets. */
    return "halt_on_error=1:stack_trace_format=DEFAULT";
}

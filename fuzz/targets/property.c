/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The state machine of the Python package under an engine: the input's bytes choose what Hypothesis
 * would choose, and the program that comes of them runs like that of any other target, with the same
 * coverage, findings and traps; fuzz_session.h configures it. SLOTCHECK_SUBJECT may also be FILE.py
 * or FILE.py:CLASS.
 *
 * Python finds the package and its extension module by PYTHONPATH.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "slotcheck/fuzz_session.h"
#include "target.h"

enum { EXIT_WRONG_USE = 2 };

static PyObject *maker; /* slotcheck.fuzz.ProgramMaker */

/* Prints the exception at hand as a fault of ours, or of the subject's. */
_Noreturn static void fail(void)
{
    PyErr_Print();
    abort();
}

static PyObject *or_fail(PyObject *object)
{
    if (object == NULL)
        fail();
    return object;
}

/* Without signal handlers: those of the engine stay. */
static void start_python(void)
{
    PyConfig config;
    PyConfig_InitPythonConfig(&config);
    config.install_signal_handlers = 0;
    PyStatus status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    if (PyStatus_Exception(status))
        Py_ExitStatusException(status);
}

/* The exception at hand: one line if it is about a setting. */
_Noreturn static void refuse(PyObject *module)
{
    PyObject *type, *error, *traceback;
    PyErr_Fetch(&type, &error, &traceback);
    PyErr_NormalizeException(&type, &error, &traceback);
    PyObject *why = or_fail(PyObject_CallMethod(module, "give_up", "O", error));
    const char *text = PyUnicode_AsUTF8(why);
    if (text == NULL || *text == '\0') {
        PyErr_Restore(type, error, traceback);
        fail();
    }
    fprintf(stderr, "slotcheck: %s\n", text);
    _Exit(EXIT_WRONG_USE);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    start_python();
    PyObject *module = or_fail(PyImport_ImportModule("slotcheck.fuzz"));
    maker = PyObject_CallMethod(module, "ProgramMaker", "z", getenv("SLOTCHECK_SUBJECT"));
    if (maker == NULL)
        refuse(module);
    PyObject *number = or_fail(PyObject_GetAttrString(maker, "address"));
    const void *subject = PyLong_AsVoidPtr(number);
    if (subject != NULL)
        fuzz_session_use(subject);
    Py_DECREF(number);
    Py_DECREF(module);
    return 0;
}

/* -1 if the engine's session takes none of them. */
static int run_all(PyObject *programs)
{
    int taken = -1;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(programs); i++) {
        char *bytes;
        Py_ssize_t size;
        if (PyBytes_AsStringAndSize(PyList_GET_ITEM(programs, i), &bytes, &size) != 0)
            fail();
        if (fuzz_session_run((const uint8_t *)bytes, (size_t)size) == 0)
            taken = 0;
    }
    return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PyObject *programs =
        or_fail(PyObject_CallMethod(maker, "programs", "y#", (const char *)data, (Py_ssize_t)size));
    int taken = run_all(programs);
    Py_DECREF(programs);
    Py_DECREF(or_fail(PyObject_CallMethod(maker, "raise_pending", NULL)));
    return taken;
}

/* SPDX-License-Identifier: MPL-2.0 */
/* Not a subject: a shared library without the entry point. */

int not_slotcheck_subject(void);

int not_slotcheck_subject(void)
{
    return 0;
}

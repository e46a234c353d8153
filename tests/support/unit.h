/* The one include of a unit test: cmocka and what it wants before it, then ours. */
#ifndef UNIT_H
#define UNIT_H

/* cmocka.h needs these four, and in front of it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
/* clang-format on */

#include "base.h"

/* A test that needs neither state nor set-up. */
#define TEST(name) static void name(void **unit_state __attribute__((__unused__)))

#endif

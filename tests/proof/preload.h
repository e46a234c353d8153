/* For libraries that are loaded before a program's own and stand in for functions of those. */
#ifndef PRELOAD_H
#define PRELOAD_H

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* The function that would have been called. */
static inline void *next(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    if (found == NULL)
        abort();
    return found;
}

/* Declares `real`, which is that function. */
#define NEXT(function)                                                                             \
    __typeof__(&(function)) real;                                                                  \
    void *found = next(#function);                                                                 \
    memcpy(&real, &found, sizeof real)

#endif

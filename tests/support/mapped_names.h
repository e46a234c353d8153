/* Mappings as the options make them. */
#ifndef MAPPED_NAMES_H
#define MAPPED_NAMES_H

#include "mapping.h"
#include "unit.h"

static inline MappingNames mapped_names(const char *table)
{
    MappingNames names = {.table = table, .pending = "pending", .published = "published"};

    for (size_t i = 0; i < MAPPED_COUNT; i++)
        names.columns[i] = mapped_name((Mapped)i);
    return names;
}

static inline Mapping mapping_of(const MappingNames *names)
{
    Mapping mapping;
    Error error;

    if (mapping_parse(names, &mapping, &error) < 0)
        fail_msg("%s", error.text);
    return mapping;
}

#endif

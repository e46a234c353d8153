/* What cppcheck must know of libraries whose headers it does not read. */
#define cJSON_ArrayForEach(element, array)                                                         \
    for (element = (array)->child; element != NULL; element = element->next)

/* One value of a field: from the manifest's words to the API's, and from the API's to a text that
 * is compared and read aloud. For the other field files alone. Pure. */
#ifndef FIELD_VALUE_H
#define FIELD_VALUE_H

#include "field.h"

/* Reads VALUE, what the manifest has for FIELD. ERROR_INVALID, without the path, if the CRD would
 * have refused it. *ret_item is the caller's. */
int field_read(const Field *field, const cJSON *value, cJSON **ret_item, Error *reterr) MUST_CHECK;

/* The API's value for a field that is not set; NULL where the row has none. The caller's. */
cJSON *field_fallback(const Field *field);

/* The word of an enum whose manifest or API form is TEXT, or NULL. */
const FieldWord *field_word(const Field *field, const char *text);

/* Adds what ITEM, a value of the API (NULL: not there), says: "10Gi", "1h30m", "none". Two values
 * mean the same if and only if their texts are the same. Not for FIELD_LABELS. */
void field_show(const Field *field, const cJSON *item, Text *text);

#endif

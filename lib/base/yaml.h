/* YAML as Kubernetes reads it: bytes become the JSON values that json.h reads. Over libyaml.
 *
 * Plain true, false, null and numbers have their type, anything quoted is a string. Aliases,
 * merge keys and duplicate keys are refused, so that a small file cannot become a large value
 * and no key hides another. */
#ifndef BASE_YAML_H
#define BASE_YAML_H /* libyaml has the other */

#include "base.h"
#include "error.h"
#include "json.h"

enum { YAML_BYTES_MAX = 4 << 20, YAML_DEPTH_MAX = 64 };

/* Every `---` document of TEXT, empty ones left out, as an array. ERROR_INVALID with line and
 * column otherwise. *ret_documents is the caller's (cJSON_Delete). */
int yaml_parse(const char *text, size_t length, cJSON **ret_documents, Error *reterr) MUST_CHECK;

/* The same where exactly one document must stand: a kubeconfig, a file of settings. An empty
 * text is an empty object. */
int yaml_parse_one(const char *text, size_t length, cJSON **ret_document, Error *reterr) MUST_CHECK;

#endif

/* Holds the tables of fields and the CRD together, both ways. Run from the top of the tree. */
#include "alloc.h"
#include "consumer_fields.h"
#include "json.h"
#include "stream_fields.h"
#include "tenant_fields.h"
#include "unit.h"
#include "units.h"
#include "yaml.h"

#define CRD_PATH         "crds/bulkhead.dev_tenants.yaml"
#define DURATION_PATTERN "^([0-9]{1,5}(h|m|s|ms)){1,4}$"
#define QUANTITY_PATTERN "^[0-9]{1,15}(\\.[0-9]{1,3})?(k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$"
#define TIME_PATTERN     "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?Z$"

enum { CRD_BYTES_MAX = 1 << 20, PATH_MAX_BYTES = 256 };

/* A table, and the schema that its paths start from. */
typedef struct Side {
    const char *name;
    const FieldTable *table;
    const cJSON *schema;
} Side;

static cJSON *crd;
static Side sides[3];

DEFINE_DEFER(FILE *, defer_close, fclose)

static int read_crd(void **state __attribute__((__unused__)))
{
    DEFER(defer_close) FILE *file = fopen(CRD_PATH, "rb");
    DEFER(defer_free) char *bytes = xmalloc(CRD_BYTES_MAX);
    Error error;

    if (file == NULL)
        return -1;
    size_t length = fread(bytes, 1, CRD_BYTES_MAX, file);
    if (yaml_parse_one(bytes, length, &crd, &error) < 0) {
        print_error("%s: %s\n", CRD_PATH, error.text);
        return -1;
    }
    const cJSON *schema =
        json_at(cJSON_GetArrayItem(json_at(crd, "spec.versions"), 0), "schema.openAPIV3Schema");
    const cJSON *spec = json_at(schema, "properties.spec");
    sides[0] = (Side){"spec", &tenant_fields, spec};
    sides[1] = (Side){"spec.stream", &stream_fields, json_at(spec, "properties.stream")};
    sides[2] =
        (Side){"spec.consumers[]", &consumer_fields, json_at(spec, "properties.consumers.items")};
    return 0;
}

static int drop_crd(void **state __attribute__((__unused__)))
{
    cJSON_Delete(crd);
    return 0;
}

/* The schema of "a.b" under SCHEMA, and of "a". */
static const cJSON *schema_at(const cJSON *schema, const char *path, const cJSON **ret_parent)
{
    *ret_parent = schema;
    while (schema != NULL && *path != '\0') {
        size_t length = strcspn(path, ".");
        DEFER(defer_free) char *name = xstrndup(path, length);

        *ret_parent = schema;
        schema = cJSON_GetObjectItemCaseSensitive(json_at(schema, "properties"), name);
        path += length + (path[length] == '.' ? 1 : 0);
    }
    return schema;
}

/* True if a rule of SCHEMA holds TEXT. */
static bool rule_says(const cJSON *schema, const char *text)
{
    const cJSON *rule = NULL;

    cJSON_ArrayForEach (rule,
                        cJSON_GetObjectItemCaseSensitive(schema, "x-kubernetes-validations")) {
        if (strstr(json_text(rule, "rule", ""), text) != NULL)
            return true;
    }
    return false;
}

#define HOLDS(side, field, truth)                                                                  \
    do {                                                                                           \
        if (!(truth))                                                                              \
            fail_msg("%s.%s: table and CRD differ: %s", (side)->name, (field)->path, #truth);      \
    } while (0)

static void same_words(const Side *side, const Field *field, const cJSON *schema)
{
    const cJSON *item = NULL;
    const FieldWord *word = field->words;

    cJSON_ArrayForEach (item, json_at(schema, "enum")) {
        HOLDS(side, field, word->word != NULL && text_eq(word->word, item->valuestring));
        word++;
    }
    HOLDS(side, field, word->word == NULL);
}

static void same_numbers(const Side *side, const Field *field, const cJSON *schema)
{
    HOLDS(side, field, json_int(schema, "minimum", -9) == field->min);
    HOLDS(side, field, json_int(schema, "maximum", -9) == field->max);
    HOLDS(side, field, field->min >= 0 || rule_says(schema, "self != 0"));
}

static void same_duration(const Side *side, const Field *field, const cJSON *schema)
{
    char text[DURATION_TEXT_SIZE];
    char least[PATH_MAX_BYTES];
    char most[PATH_MAX_BYTES];

    duration_format(field->min, text);
    (void)snprintf(least, sizeof least, "duration(self) >= duration('%s')", text);
    duration_format(field->max, text);
    (void)snprintf(most, sizeof most, "duration(self) <= duration('%s')", text);
    HOLDS(side, field, text_eq(json_text(schema, "pattern", ""), DURATION_PATTERN));
    HOLDS(side, field, rule_says(schema, least));
    HOLDS(side, field, rule_says(schema, most));
}

static void same_items(const Side *side, const Field *field, const cJSON *schema)
{
    HOLDS(side, field, text_eq(json_text(schema, "type", ""), "array"));
    HOLDS(side, field, json_int(schema, "minItems", 0) == field->min);
    HOLDS(side, field, json_int(schema, "maxItems", -9) == field->max);
}

static void same_quantity(const Side *side, const Field *field, const cJSON *schema)
{
    HOLDS(side, field, json_bool(schema, "x-kubernetes-int-or-string", false));
    HOLDS(side, field, text_eq(json_text(schema, "pattern", ""), QUANTITY_PATTERN));
    same_numbers(side, field, schema);
}

static void same_labels(const Side *side, const Field *field, const cJSON *schema)
{
    HOLDS(side, field, json_int(schema, "maxProperties", -9) == field->max);
    HOLDS(side, field, rule_says(schema, "!k.startsWith('_nats.')"));
    HOLDS(side, field, rule_says(schema, "!k.startsWith('bulkhead.dev/')"));
}

static void same_type(const Side *side, const Field *field, const cJSON *schema)
{
    const char *type = json_text(schema, "type", "");

    switch (field->type) {
    case FIELD_TEXT:
        HOLDS(side, field, text_eq(type, "string"));
        HOLDS(side, field, json_int(schema, "minLength", 0) == field->min);
        HOLDS(side, field, json_int(schema, "maxLength", -9) == field->max);
        break;
    case FIELD_ENUM:
        HOLDS(side, field, text_eq(type, "string"));
        same_words(side, field, schema);
        break;
    case FIELD_BOOL:
        HOLDS(side, field, text_eq(type, "boolean"));
        break;
    case FIELD_INT:
        HOLDS(side, field, text_eq(type, "integer"));
        same_numbers(side, field, schema);
        break;
    case FIELD_QUANTITY:
        same_quantity(side, field, schema);
        break;
    case FIELD_DURATION:
        HOLDS(side, field, text_eq(type, "string"));
        same_duration(side, field, schema);
        break;
    case FIELD_DURATIONS:
        same_items(side, field, schema);
        HOLDS(side, field, text_eq(json_text(schema, "items.pattern", ""), DURATION_PATTERN));
        break;
    case FIELD_TEXTS:
        same_items(side, field, schema);
        break;
    case FIELD_LABELS:
        same_labels(side, field, schema);
        break;
    case FIELD_TIME:
        HOLDS(side, field, text_eq(json_text(schema, "format", ""), "date-time"));
        HOLDS(side, field, text_eq(json_text(schema, "pattern", ""), TIME_PATTERN));
        break;
    case FIELD_ABSENT:
        fail_msg("%s: a field that is not a tenant's to set has a path", field->api);
    }
}

/* What is left out of a manifest means the same to the CRD and to the table: the schema's default,
 * or nothing. */
static void same_default(const Side *side, const Field *field, const cJSON *schema)
{
    static const char *const nothing[] = {"", "0", "-1", "0s"};
    const cJSON *item = json_at(schema, "default");
    bool is_nothing = field->fallback == NULL;

    for (size_t i = 0; i < ARRAY_SIZE(nothing); i++)
        is_nothing = is_nothing || text_eq(field->fallback, nothing[i]);
    if (item == NULL) {
        HOLDS(side, field, is_nothing);
        return;
    }
    DEFER(defer_free) char *printed = json_print(item);
    HOLDS(side, field,
          text_eq(field->fallback, cJSON_IsString(item) ? item->valuestring : printed));
}

/* What the server would not change is refused at admission, and nothing else is. */
static void same_change(const Side *side, const Field *field, const cJSON *schema,
                        const cJSON *parent)
{
    DEFER(defer_free) char *old = xasprintf("oldSelf.%s)", field->path);
    bool fixed = rule_says(schema, "self == oldSelf") || rule_says(parent, old);

    switch (field->change) {
    case FIELD_LIVE:
    case FIELD_APART:
        HOLDS(side, field, !rule_says(schema, "oldSelf"));
        break;
    case FIELD_FIXED:
        HOLDS(side, field, fixed);
        break;
    case FIELD_ONLY_TRUE:
        HOLDS(side, field, rule_says(schema, "self || !oldSelf"));
        break;
    case FIELD_RETENTION:
        HOLDS(side, field, rule_says(schema, "oldSelf != 'WorkQueue'"));
        break;
    }
}

static void same_level(const Side *side, const Field *field, const cJSON *schema)
{
    const char *description = json_text(schema, "description", "");
    DEFER(defer_free) char *needs = xasprintf("eeds NATS %s", api_level_version(field->level));

    HOLDS(side, field, field->level == 0 || strstr(description, needs) != NULL);
    HOLDS(side, field, field->level > 0 || strstr(description, "eeds NATS") == NULL);
}

static void same_field(const Side *side, const Field *field)
{
    const cJSON *parent = NULL;
    const cJSON *schema = schema_at(side->schema, field->path, &parent);

    HOLDS(side, field, schema != NULL);
    same_type(side, field, schema);
    same_default(side, field, schema);
    same_change(side, field, schema, parent);
    same_level(side, field, schema);
}

TEST(every_row_is_in_the_crd_with_its_type_bounds_default_and_rule)
{
    for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
        for (size_t k = 0; k < sides[i].table->count; k++) {
            if (sides[i].table->rows[k].path != NULL)
                same_field(&sides[i], &sides[i].table->rows[k]);
        }
    }
}

static bool is_row(const FieldTable *table, const char *path)
{
    for (size_t i = 0; i < table->count; i++) {
        if (table->rows[i].path != NULL && text_eq(table->rows[i].path, path))
            return true;
    }
    return false;
}

/* Read by tenant_desired.c itself, or by a table of its own. */
static bool is_known(const char *side, const char *path)
{
    static const char *const known[] = {
        "spec.stream.adoption",  "spec.stream.eventTypes",      "spec.stream",
        "spec.consumers[].name", "spec.consumers[].eventTypes", "spec.consumers",
    };
    DEFER(defer_free) char *whole = xasprintf("%s.%s", side, path);

    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (text_eq(known[i], whole))
            return true;
    }
    return false;
}

static void assert_in_table(const Side *side, const char *path)
{
    if (!is_row(side->table, path) && !is_known(side->name, path))
        fail_msg("%s.%s is in the CRD and in no table", side->name, path);
}

TEST(every_property_of_the_spec_is_a_row)
{
    for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
        const cJSON *outer = NULL;
        const cJSON *inner = NULL;

        cJSON_ArrayForEach (outer, json_at(sides[i].schema, "properties")) {
            if (is_known(sides[i].name, outer->string) || json_at(outer, "properties") == NULL) {
                assert_in_table(&sides[i], outer->string);
                continue;
            }
            cJSON_ArrayForEach (inner, json_at(outer, "properties")) {
                DEFER(defer_free) char *path = xasprintf("%s.%s", outer->string, inner->string);

                assert_in_table(&sides[i], path);
            }
        }
    }
}

#define BOUND(path, truth)                                                                         \
    do {                                                                                           \
        if (!(truth))                                                                              \
            fail_msg("%s: must hold: %s", path, #truth);                                           \
    } while (0)

static void assert_bounded(const cJSON *schema, const char *path)
{
    const char *type = json_text(schema, "type", "");
    bool is_item = text_eq(path + strlen(path) - 2, "[]");

    BOUND(path, is_item || *json_text(schema, "description", "") != '\0');
    if (text_eq(type, "string"))
        BOUND(path, json_at(schema, "maxLength") != NULL || json_at(schema, "enum") != NULL);
    if (text_eq(type, "integer"))
        BOUND(path, json_at(schema, "minimum") != NULL);
    if (text_eq(type, "integer") && text_starts(path, "spec."))
        BOUND(path, json_at(schema, "maximum") != NULL);
    if (text_eq(type, "array")) {
        BOUND(path, json_at(schema, "maxItems") != NULL);
        BOUND(path, json_at(schema, "x-kubernetes-list-type") != NULL);
    }
    if (json_at(schema, "additionalProperties") != NULL)
        BOUND(path, json_at(schema, "maxProperties") != NULL);
}

/* Goes down into members and items. */
static void walk_bounded(const cJSON *schema, const char *path)
{
    const cJSON *items = json_at(schema, "items");
    const cJSON *member = NULL;

    assert_bounded(schema, path);
    cJSON_ArrayForEach (member, json_at(schema, "properties")) {
        DEFER(defer_free) char *below = xasprintf("%s.%s", path, member->string);

        walk_bounded(member, below);
    }
    if (items != NULL) {
        DEFER(defer_free) char *below = xasprintf("%s[]", path);

        walk_bounded(items, below);
    }
}

TEST(everything_has_a_description_and_a_bound)
{
    const cJSON *schema =
        json_at(cJSON_GetArrayItem(json_at(crd, "spec.versions"), 0), "schema.openAPIV3Schema");

    walk_bounded(json_at(schema, "properties.spec"), "spec");
    walk_bounded(json_at(schema, "properties.status"), "status");
}

/* kstatus takes an object without a status for finished; Helm and Flux would go on too early. */
TEST(a_new_object_counts_as_not_yet_seen)
{
    const cJSON *schema =
        json_at(cJSON_GetArrayItem(json_at(crd, "spec.versions"), 0), "schema.openAPIV3Schema");
    const cJSON *required = json_at(schema, "required");

    assert_int_equal(json_int(schema, "properties.status.default.observedGeneration", 0), -1);
    assert_int_equal(cJSON_GetArraySize(required), 1);
    assert_string_equal(json_text(required->child, "", ""), "spec");
}

TEST(the_names_grammar_is_the_one_of_the_code)
{
    const cJSON *schema =
        json_at(cJSON_GetArrayItem(json_at(crd, "spec.versions"), 0), "schema.openAPIV3Schema");

    assert_true(rule_says(schema, "'^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_in_the_crd_with_its_type_bounds_default_and_rule),
        cmocka_unit_test(every_property_of_the_spec_is_a_row),
        cmocka_unit_test(everything_has_a_description_and_a_bound),
        cmocka_unit_test(a_new_object_counts_as_not_yet_seen),
        cmocka_unit_test(the_names_grammar_is_the_one_of_the_code),
    };

    return cmocka_run_group_tests(tests, read_crd, drop_crd);
}

/* The walk over parts against the parser of whole trees: it takes all that the parser takes, and
 * what it finds in that is the same. */
#include "fuzz_input.h"
#include "json_part.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const JsonMembers wanted = {.small = {"a", "name"}, .large = "c"};

/* The parser takes any control character for white space, and passes over a byte order mark. */
static bool is_plain(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        const unsigned char c = (unsigned char)text[i];

        if ((c < ' ' && c != '\t' && c != '\r' && c != '\n') || (c == 0xEF && i == 0))
            return false;
    }
    return true;
}

/* Also where members have the same name, which json_equal() cannot tell apart. */
static bool same(const cJSON *a, const cJSON *b)
{
    DEFER(defer_free) char *left = json_print(a);
    DEFER(defer_free) char *right = json_print(b);

    return text_eq(left, right);
}

static bool has(const cJSON *tree, const char *name, const cJSON *value)
{
    const cJSON *item = NULL;

    cJSON_ArrayForEach (item, tree) {
        if (text_eq(item->string, name) && same(item, value))
            return true;
    }
    return false;
}

static cJSON *parsed(JsonPart part)
{
    cJSON *json = NULL;
    Error error;

    int r = json_parse(part.text, part.length, &json, &error);
    assert(r == 0);
    return json;
}

static void check_object(const cJSON *tree, const cJSON *found, JsonPart large)
{
    const cJSON *item = NULL;

    cJSON_ArrayForEach (item, found) {
        assert(has(tree, item->string, item));
    }
    if (large.text != NULL) {
        DEFER(defer_json) cJSON *value = parsed(large);
        assert(has(tree, "c", value));
    }
}

static int check_element(void *context, JsonPart part, Error *reterr)
{
    const cJSON **next = context;

    (void)reterr;
    if (*next == NULL) /* the parser refuses the text: only its bounds matter */
        return 0;
    DEFER(defer_json) cJSON *value = parsed(part);
    assert(same(*next, value));
    *next = (*next)->next;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const JsonPart part = {.text = (const char *)data, .length = size};
    DEFER(defer_json) cJSON *tree = NULL;
    DEFER(defer_json) cJSON *found = NULL;
    JsonPart large = {0};
    Error error;
    bool valid = json_parse(part.text, size, &tree, &error) == 0 && is_plain(part.text, size);
    const cJSON *next = valid && cJSON_IsArray(tree) ? tree->child : NULL;

    int r = json_part_object(part, &wanted, &found, &large, &error);
    assert(!valid || (r == 0) == cJSON_IsObject(tree));
    if (valid && r == 0)
        check_object(tree, found, large);
    r = json_part_each(part, check_element, &next, &error);
    assert(!valid || (r == 0) == (cJSON_IsArray(tree) || cJSON_IsNull(tree)));
    assert(r != 0 || next == NULL);
    return 0;
}

#include "json_part.h"

enum { DEPTH_MAX = 100, SMALL_MAX = 1 << 20 };

/* What is left of a text. */
typedef struct Rest {
    const char *at;
    const char *end;
} Rest;

static Rest rest_of(JsonPart part)
{
    const char *text = part.text != NULL ? part.text : "";

    return (Rest){.at = text, .end = text + part.length};
}

static int broken(Error *reterr)
{
    return error_set(reterr, ERROR_INVALID, "not JSON");
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_space(Rest *rest)
{
    while (rest->at < rest->end && is_space(*rest->at))
        rest->at++;
}

/* Takes C if it comes next. */
static bool take(Rest *rest, char c)
{
    skip_space(rest);
    if (rest->at == rest->end || *rest->at != c)
        return false;
    rest->at++;
    return true;
}

static int skip_string(Rest *rest, Error *reterr)
{
    for (const char *at = rest->at + 1; at < rest->end; at++) {
        if (*at == '"') {
            rest->at = at + 1;
            return 0;
        }
        if (*at == '\\')
            at++;
    }
    return broken(reterr);
}

static int skip_nested(Rest *rest, Error *reterr)
{
    char closers[DEPTH_MAX];
    size_t depth = 0;

    do {
        const char c = *rest->at;

        if (c == '"') {
            if (skip_string(rest, reterr) < 0)
                return -1;
            continue;
        }
        rest->at++;
        if (c == '{' || c == '[') {
            if (depth == DEPTH_MAX)
                return error_set(reterr, ERROR_INVALID, "JSON nests deeper than %d levels",
                                 DEPTH_MAX);
            closers[depth++] = c == '{' ? '}' : ']';
        } else if ((c == '}' || c == ']') && c != closers[--depth]) {
            return broken(reterr);
        }
    } while (depth > 0 && rest->at < rest->end);
    return depth == 0 ? 0 : broken(reterr);
}

static int skip_plain(Rest *rest, Error *reterr)
{
    const char *from = rest->at;

    while (rest->at < rest->end && !is_space(*rest->at) && strchr(",:]}", *rest->at) == NULL)
        rest->at++;
    return rest->at > from ? 0 : broken(reterr);
}

static int take_value(Rest *rest, JsonPart *ret_value, Error *reterr)
{
    int r = -1;

    skip_space(rest);
    const char *from = rest->at;
    if (from == rest->end)
        return broken(reterr);
    if (*from == '"')
        r = skip_string(rest, reterr);
    else if (*from == '{' || *from == '[')
        r = skip_nested(rest, reterr);
    else
        r = skip_plain(rest, reterr);
    *ret_value = (JsonPart){.text = from, .length = (size_t)(rest->at - from)};
    return r;
}

/* After a value: does another one follow, or is this the end? */
static int take_separator(Rest *rest, char closer, bool *ret_more, Error *reterr)
{
    *ret_more = take(rest, ',');
    return *ret_more || take(rest, closer) ? 0 : broken(reterr);
}

static int take_end(Rest *rest, Error *reterr)
{
    skip_space(rest);
    return rest->at == rest->end ? 0
                                 : error_set(reterr, ERROR_INVALID, "text after the JSON value");
}

typedef struct Member {
    JsonPart name; /* in its quotes */
    JsonPart value;
} Member;

static int take_member(Rest *rest, Member *ret_member, Error *reterr)
{
    if (take_value(rest, &ret_member->name, reterr) < 0)
        return -1;
    if (*ret_member->name.text != '"' || !take(rest, ':'))
        return broken(reterr);
    return take_value(rest, &ret_member->value, reterr);
}

static bool is_named(const Member *member, const char *name)
{
    size_t length = strlen(name);

    return member->name.length == length + 2 && memcmp(member->name.text + 1, name, length) == 0;
}

static int small_add(cJSON *tree, const char *name, JsonPart value, Error *reterr)
{
    cJSON *item = NULL;

    if (value.length > SMALL_MAX)
        return error_set(reterr, ERROR_INVALID, "'%s' has more than %d bytes", name, SMALL_MAX);
    if (json_parse(value.text, value.length, &item, reterr) < 0)
        return error_wrap(reterr, "'%s'", name);
    json_set(tree, name, item);
    return 0;
}

/* What was found so far of what is wanted. */
typedef struct Found {
    const JsonMembers *wanted;
    cJSON *tree;
    JsonPart large;
} Found;

static int found_add(Found *self, const Member *member, Error *reterr)
{
    if (self->wanted->large != NULL && is_named(member, self->wanted->large))
        self->large = member->value;
    for (const char *const *name = self->wanted->small; *name != NULL; name++) {
        if (is_named(member, *name))
            return small_add(self->tree, *name, member->value, reterr);
    }
    return 0;
}

static int object_walk(JsonPart part, Found *found, Error *reterr)
{
    Rest rest = rest_of(part);
    Member member = {0};

    if (!take(&rest, '{'))
        return error_set(reterr, ERROR_INVALID, "not a JSON object");
    for (bool more = !take(&rest, '}'); more;) {
        if (take_member(&rest, &member, reterr) < 0 || found_add(found, &member, reterr) < 0 ||
            take_separator(&rest, '}', &more, reterr) < 0)
            return -1;
    }
    return take_end(&rest, reterr);
}

int json_part_object(JsonPart part, const JsonMembers *wanted, cJSON **ret_tree,
                     JsonPart *ret_large, Error *reterr)
{
    DEFER(defer_json) cJSON *tree = cJSON_CreateObject();
    Found found = {.wanted = wanted, .tree = tree};

    if (object_walk(part, &found, reterr) < 0)
        return -1;
    *ret_tree = TAKE(tree);
    if (ret_large != NULL)
        *ret_large = found.large;
    return 0;
}

static bool take_null(Rest *rest)
{
    static const char null[] = "null";

    skip_space(rest);
    if ((size_t)(rest->end - rest->at) < strlen(null) || memcmp(rest->at, null, strlen(null)) != 0)
        return false;
    rest->at += strlen(null);
    return true;
}

int json_part_each(JsonPart part, JsonElementFn *each, void *context, Error *reterr)
{
    Rest rest = rest_of(part);
    JsonPart element = {0};

    if (part.text == NULL || take_null(&rest))
        return take_end(&rest, reterr);
    if (!take(&rest, '['))
        return error_set(reterr, ERROR_INVALID, "not a JSON array");
    for (bool more = !take(&rest, ']'); more;) {
        if (take_value(&rest, &element, reterr) < 0 || each(context, element, reterr) < 0 ||
            take_separator(&rest, ']', &more, reterr) < 0)
            return -1;
    }
    return take_end(&rest, reterr);
}

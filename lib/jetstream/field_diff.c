#include "field_value.h"

enum {
    VALUE_MAX = 1 << 18, /* more than the server's limit on metadata and descriptions */
    SHOWN_MAX = 80,      /* of a value, in a reason                                   */
    REASON_MAX = 1 << 14,
};

/* Differences the server accepts, and those it would refuse. */
typedef struct Differences {
    Text live;
    Text fixed;
} Differences;

static void differences_done(Differences *self)
{
    text_done(&self->live);
    text_done(&self->fixed);
}

/* At most SHOWN_MAX bytes, not cut within a character. */
static int shown_length(const char *text)
{
    size_t length = strnlen(text, SHOWN_MAX + 1);

    if (length > SHOWN_MAX) {
        length = SHOWN_MAX;
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
            length--;
    }
    return (int)length;
}

static void add_difference(Text *reason, const char *name, const char *old, const char *new)
{
    int old_length = shown_length(old);
    int new_length = shown_length(new);

    text_addf(reason, "%s%s %.*s%s -> %.*s%s", reason->length > 0 ? ", " : "", name, old_length,
              old, old[old_length] != '\0' ? "..." : "", new_length, new,
              new[new_length] != '\0' ? "..." : "");
}

static bool can_change(const Field *field, const char *old, const char *new)
{
    switch (field->change) {
    case FIELD_LIVE:
    case FIELD_APART:
        return true;
    case FIELD_FIXED:
        return false;
    case FIELD_ONLY_TRUE:
        return text_eq(new, "true");
    case FIELD_RETENTION:
        return !text_eq(old, "WorkQueue") && !text_eq(new, "WorkQueue");
    }
    assert(!"unknown change");
    abort();
}

static void diff_value(const Field *field, const cJSON *desired, const cJSON *observed,
                       Differences *differences)
{
    DEFER(text_done) Text new = TEXT_MAX(VALUE_MAX);
    DEFER(text_done) Text old = TEXT_MAX(VALUE_MAX);

    field_show(field, json_at(desired, field->api), &new);
    field_show(field, json_at(observed, field->api), &old);
    if (text_eq(text_get(&new), text_get(&old)) && !new.full && !old.full)
        return;

    bool live = can_change(field, text_get(&old), text_get(&new));
    add_difference(live ? &differences->live : &differences->fixed,
                   field->path != NULL ? field->path : field->api, text_get(&old), text_get(&new));
}

static const char *label_text(const cJSON *labels, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(labels, name);

    return cJSON_IsString(item) ? item->valuestring : NULL;
}

/* The server writes names of its own among the labels. */
static void diff_label(const char *name, const char *new, const char *old, Text *reason)
{
    char label[SHOWN_MAX + sizeof "metadata."];

    if (text_starts(name, "_nats.") || (new != NULL &&old != NULL &&text_eq(new, old)))
        return;
    (void)snprintf(label, sizeof label, "metadata.%.*s", shown_length(name), name);
    add_difference(reason, label, old != NULL ? old : "none", new != NULL ? new : "none");
}

static void diff_labels(const Field *field, const cJSON *desired, const cJSON *observed,
                        Text *reason)
{
    const cJSON *new = json_at(desired, field->api);
    const cJSON *old = json_at(observed, field->api);
    const cJSON *item = NULL;

    cJSON_ArrayForEach (item, new) {
        diff_label(item->string, label_text(new, item->string), label_text(old, item->string),
                   reason);
    }
    cJSON_ArrayForEach (item, old) {
        if (label_text(new, item->string) == NULL)
            diff_label(item->string, NULL, label_text(old, item->string), reason);
    }
}

static FieldDiff differences_report(const Differences *differences, Text *reason)
{
    const Text *worse = differences->fixed.length > 0 ? &differences->fixed : &differences->live;

    if (worse->length == 0)
        return FIELD_DIFF_NONE;
    if (reason != NULL)
        text_addf(reason, "%s%s", reason->length > 0 ? ", " : "", text_get(worse));
    return worse == &differences->fixed ? FIELD_DIFF_FIXED : FIELD_DIFF_UPDATE;
}

FieldDiff fields_diff(const FieldTable *table, const cJSON *desired, const cJSON *observed,
                      Text *reason)
{
    DEFER(differences_done)
    Differences differences = {.live = TEXT_MAX(REASON_MAX), .fixed = TEXT_MAX(REASON_MAX)};

    for (size_t i = 0; i < table->count; i++) {
        const Field *field = &table->rows[i];

        if (field->change == FIELD_APART)
            continue;
        if (field->type == FIELD_LABELS)
            diff_labels(field, desired, observed, &differences.live);
        else
            diff_value(field, desired, observed, &differences);
    }
    return differences_report(&differences, reason);
}

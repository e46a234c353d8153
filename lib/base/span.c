#include "span.h"

#include "json.h"

enum { STATUS_ERROR = 2, NUMBER_SIZE = 24, NS_PER_US = 1000 };

static void add(Span *span, SpanAttribute attribute)
{
    assert(span->attribute_count < SPAN_ATTRIBUTES_MAX);
    span->attributes[span->attribute_count++] = attribute;
}

void span_add_text(Span *span, const char *key, const char *text)
{
    if (*text != '\0')
        add(span, (SpanAttribute){.key = key, .text = text});
}

void span_add_int(Span *span, const char *key, int64_t number)
{
    add(span, (SpanAttribute){.key = key, .number = number});
}

/* OTLP has 64-bit numbers as texts. */
static void set_number(cJSON *object, const char *name, int64_t number)
{
    char text[NUMBER_SIZE];

    (void)snprintf(text, sizeof text, "%" PRId64, number);
    json_set_text(object, name, text);
}

static void attribute_add(cJSON *list, const SpanAttribute *attribute)
{
    cJSON *item = cJSON_CreateObject();
    cJSON *value = cJSON_CreateObject();

    if (attribute->text != NULL)
        json_set_text(value, "stringValue", attribute->text);
    else
        set_number(value, "intValue", attribute->number);
    json_set_text(item, "key", attribute->key);
    json_set(item, "value", value);
    (void)cJSON_AddItemToArray(list, item);
}

static cJSON *attributes_json(const SpanAttribute *attributes, size_t count)
{
    cJSON *list = cJSON_CreateArray();

    for (size_t i = 0; i < count; i++)
        attribute_add(list, &attributes[i]);
    return list;
}

char *span_json(const Span *span)
{
    DEFER(defer_json) cJSON *json = cJSON_CreateObject();

    json_set_text(json, "traceId", span->context.trace);
    json_set_text(json, "spanId", span->context.span);
    if (span->parent[0] != '\0')
        json_set_text(json, "parentSpanId", span->parent);
    json_set_text(json, "name", span->name);
    json_set_int(json, "kind", span->kind);
    set_number(json, "startTimeUnixNano", span->start_us * NS_PER_US);
    set_number(json, "endTimeUnixNano", span->end_us * NS_PER_US);
    json_set(json, "attributes", attributes_json(span->attributes, span->attribute_count));
    if (span->failure != NULL) {
        cJSON *status = cJSON_CreateObject();

        json_set_int(status, "code", STATUS_ERROR);
        json_set_text(status, "message", span->failure);
        json_set(json, "status", status);
    }
    return json_print(json);
}

/* OBJECT's member NAME, an array with one element, which is returned. */
static cJSON *only_element(cJSON *object, const char *name)
{
    cJSON *list = cJSON_CreateArray();
    cJSON *element = cJSON_CreateObject();

    (void)cJSON_AddItemToArray(list, element);
    json_set(object, name, list);
    return element;
}

static cJSON *member(cJSON *object, const char *name, cJSON *item)
{
    json_set(object, name, item);
    return item;
}

/* {"resourceSpans": [{"resource": ..., "scopeSpans": [{"scope": ..., "spans": [...]}]}]} */
char *span_batch_json(const SpanSource *source, char *const *spans, size_t count)
{
    const SpanAttribute attributes[] = {
        {.key = "service.name", .text = source->service},
        {.key = "service.version", .text = source->version},
        {.key = "service.instance.id", .text = source->instance},
    };
    DEFER(defer_json) cJSON *body = cJSON_CreateObject();
    cJSON *of_resource = only_element(body, "resourceSpans");
    cJSON *resource = member(of_resource, "resource", cJSON_CreateObject());

    json_set(resource, "attributes", attributes_json(attributes, ARRAY_SIZE(attributes)));
    cJSON *of_scope = only_element(of_resource, "scopeSpans");
    json_set_text(member(of_scope, "scope", cJSON_CreateObject()), "name", source->service);
    cJSON *list = member(of_scope, "spans", cJSON_CreateArray());
    for (size_t i = 0; i < count; i++)
        (void)cJSON_AddItemToArray(list, cJSON_CreateRaw(spans[i]));
    return json_print(body);
}

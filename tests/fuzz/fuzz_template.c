/* Templates (the first part, up to a line of "=") filled with events (the second). */
#include "fuzz_input.h"
#include "template.h"
#include "yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expand_all(const Templates *templates, const cJSON *root)
{
    const TemplateValues values = {.account = "a", .plan = "p", .tenant = "t", .root = root};

    for (size_t i = 0; i < templates->count; i++) {
        DEFER(defer_json) cJSON *body = NULL;
        Problem problem = {0};

        if (template_expand(&templates->items[i], &values, &body, &problem) < 0) {
            assert(problem.detail[0] != '\0');
            continue;
        }
        assert(cJSON_IsObject(json_at(body, "spec")) && json_at(body, "spec.mode") == NULL);
        DEFER(defer_free) char *text = json_print(body);
        assert(*text == '{');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char separator[] = "\n=\n";
    const FuzzInput input = {(const char *)data, size};
    DEFER(defer_free) char *text = fuzz_rest(&input);
    char *event = strstr(text, separator);
    DEFER(defer_json) cJSON *root = NULL;
    DEFER(templates_done) Templates templates;
    cJSON *documents = NULL;
    Error error;

    templates_init(&templates);
    if (event == NULL)
        return 0;
    *event = '\0';
    event += strlen(separator);
    if (json_parse(event, strlen(event), &root, &error) == 0 &&
        yaml_parse(text, strlen(text), &documents, &error) == 0 &&
        templates_add(&templates, documents, &error) == 0)
        expand_all(&templates, root);
    return 0;
}

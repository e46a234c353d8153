/* Events of every form. What is accepted keeps its promises: a tenant's name that is one, an
 * account that is text, an id, a digest, a time that is not out of bounds. */
#include "account_event.h"
#include "fuzz_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int64_t now_ms = INT64_C(1795435200000);

static EventRules rules_of(SignatureForm form)
{
    return (EventRules){
        .form = form,
        .names =
            {
                [EVENT_CREATED] = "account.created,c",
                [EVENT_UPDATED] = "account.updated",
                [EVENT_SUSPENDED] = "account.suspended",
                [EVENT_RESUMED] = "account.resumed",
                [EVENT_DELETED] = "account.deleted",
            },
        .type_field = "type",
        .time_fields = "timestamp,created",
        .account_fields = "data.account.id,data.id",
        .plan_fields = "data.plan",
        .now_ms = now_ms,
        .tolerance_ms = 300000,
        .max_age_ms = INT64_C(345600000),
    };
}

static void check(const Event *event)
{
    char name[TENANT_ID_MAX + 1];

    assert(cJSON_IsObject(event->root));
    assert(strlen(event->digest) == DIGEST_TEXT_SIZE - 1);
    assert(event->id[0] != '\0' && event->type[0] != '\0');
    if (event->kind == EVENT_UNKNOWN)
        return;
    assert(account_id_valid(event->account));
    assert(tenant_id_valid(event->tenant));
    account_name(event->account, name);
    assert(text_eq(name, event->tenant));
    assert(event->time_ms <= now_ms + 300000 && event->time_ms >= now_ms - INT64_C(345600000));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput rest = {(const char *)data, size};
    char *lines[10];

    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        lines[i] = fuzz_line(&rest);
    DEFER(defer_free) char *body = fuzz_rest(&rest);
    const SignatureForm form =
        (SignatureForm)(lines[0] != NULL ? (unsigned char)lines[0][0] % 3 : 0);
    const EventRules rules = rules_of(form);
    const EventInput input = {
        .content_type = lines[1],
        .content_encoding = lines[2],
        .webhook_id = "msg_1",
        .traceparent = lines[3],
        .ce_specversion = lines[4],
        .ce_id = lines[5],
        .ce_source = lines[6],
        .ce_type = lines[7],
        .ce_time = lines[8],
        .ce_subject = lines[9],
        .ce_traceparent = lines[3],
        .signed_ms = form == SIGNATURE_GITHUB ? -1 : now_ms,
        .body = body,
        .length = rest.left,
    };
    Event event;
    Problem problem = {0};

    if (event_parse(&input, &rules, &event, &problem) == 0) {
        check(&event);
        event_done(&event);
    } else {
        assert(problem.detail[0] != '\0');
    }
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        free(lines[i]);
    return 0;
}

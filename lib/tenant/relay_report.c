#include "relay_report.h"

#include "alloc.h"

enum { INTERVAL_MS_MAX = 24 * 3600 * 1000 };

/* Above what any outbox holds, and exact in JSON: sums of a few cannot overflow. */
static const int64_t count_max = INT64_C(1) << 53;

void relay_report_done(RelayReport *report)
{
    free(report->tenants);
    *report = (RelayReport){0};
}

static bool is_token(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

void relay_report_subject(const char *instance, char ret_subject[RELAY_REPORT_SUBJECT_SIZE])
{
    (void)snprintf(ret_subject, RELAY_REPORT_SUBJECT_SIZE, RELAY_REPORT_SUBJECT "%.*s",
                   RELAY_INSTANCE_MAX, *instance != '\0' ? instance : "_");
    for (char *c = ret_subject + strlen(RELAY_REPORT_SUBJECT); *c != '\0'; c++) {
        if (!is_token(*c))
            *c = '_';
    }
}

size_t relay_report_slice(RelayReport *report, RelayReportTenant *tenants, size_t total,
                          size_t done)
{
    size_t count = total - done;
    bool last = count <= RELAY_REPORT_TENANTS_MAX;

    assert(done <= total);
    if (!last)
        count = RELAY_REPORT_TENANTS_MAX;
    report->tenants = tenants + done;
    report->count = count;
    (void)snprintf(report->after, sizeof report->after, "%s", done > 0 ? tenants[done - 1].id : "");
    (void)snprintf(report->through, sizeof report->through, "%s",
                   last ? "" : tenants[done + count - 1].id);
    return done + count;
}

static cJSON *tenant_build(const RelayReportTenant *tenant)
{
    cJSON *item = cJSON_CreateObject();

    json_set_text(item, "id", tenant->id);
    json_set_int(item, "pending", tenant->pending);
    json_set_int(item, "oldestPendingSeconds", tenant->oldest_seconds);
    json_set_int(item, "dead", tenant->dead);
    return item;
}

char *relay_report_build(const RelayReport *report)
{
    DEFER(defer_json) cJSON *message = cJSON_CreateObject();
    cJSON *tenants = cJSON_CreateArray();

    for (size_t i = 0; i < report->count; i++)
        (void)cJSON_AddItemToArray(tenants, tenant_build(&report->tenants[i]));
    json_set_text(message, "instance", report->instance);
    json_set_text(message, "database", report->database);
    json_set_text(message, "at", report->at);
    json_set_int(message, "intervalMs", report->interval_ms);
    json_set_text(message, "after", report->after);
    json_set_text(message, "through", report->through);
    json_set(message, "tenants", tenants);
    return json_print(message);
}

/* Printable ASCII, so that it can stand in a status, a log line and a metric. */
static int read_text(const cJSON *message, const char *name, char *ret, size_t size, Error *reterr)
{
    const char *text = json_text(message, name, "");
    size_t length = strlen(text);

    if (length == 0 || length >= size)
        return error_set(reterr, ERROR_INVALID, "%s: must be a text of 1 to %zu characters", name,
                         size - 1);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~')
            return error_set(reterr, ERROR_INVALID, "%s: must be printable ASCII", name);
    }
    memcpy(ret, text, length + 1);
    return 0;
}

static int read_count(const cJSON *object, const char *name, int64_t *ret_count, Error *reterr)
{
    int64_t count = json_int(object, name, -1);

    if (count < 0 || count > count_max)
        return error_set(reterr, ERROR_INVALID, "%s: must be a whole number from 0 to %" PRId64,
                         name, count_max);
    *ret_count = count;
    return 0;
}

/* A tenant's id, or "" for an open end. */
static int read_bound(const cJSON *message, const char *name, char ret[TENANT_ID_MAX + 1],
                      Error *reterr)
{
    const char *id = json_text(message, name, "-");

    if (*id != '\0' && !tenant_id_valid(id))
        return error_set(reterr, ERROR_INVALID, "%s: must be a tenant's id or empty", name);
    (void)snprintf(ret, TENANT_ID_MAX + 1, "%s", id);
    return 0;
}

/* "2026-01-31T12:00:00Z", with or without a fraction. */
static int check_at(const char *at, Error *reterr)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:dd";
    const size_t length = strlen(at);
    bool right = length > strlen(shape) && at[length - 1] == 'Z';

    for (size_t i = 0; right && i < strlen(shape); i++)
        right = shape[i] == 'd' ? at[i] >= '0' && at[i] <= '9' : at[i] == shape[i];
    if (right && at[strlen(shape)] == '.')
        right = strspn(at + strlen(shape) + 1, "0123456789") == length - strlen(shape) - 2;
    else
        right = right && length == strlen(shape) + 1;
    return right ? 0 : error_set(reterr, ERROR_INVALID, "at: must be a time in UTC as of RFC 3339");
}

static int read_head(const cJSON *message, RelayReport *report, Error *reterr)
{
    if (read_text(message, "instance", report->instance, sizeof report->instance, reterr) < 0 ||
        read_text(message, "database", report->database, sizeof report->database, reterr) < 0 ||
        read_text(message, "at", report->at, sizeof report->at, reterr) < 0 ||
        check_at(report->at, reterr) < 0 ||
        read_count(message, "intervalMs", &report->interval_ms, reterr) < 0 ||
        read_bound(message, "after", report->after, reterr) < 0 ||
        read_bound(message, "through", report->through, reterr) < 0)
        return -1;
    if (report->interval_ms < 1 || report->interval_ms > INTERVAL_MS_MAX)
        return error_set(reterr, ERROR_INVALID, "intervalMs: must be from 1 to %d",
                         INTERVAL_MS_MAX);
    return 0;
}

static int read_tenant(const cJSON *item, RelayReportTenant *tenant, Error *reterr)
{
    const char *id = json_text(item, "id", "");

    if (!tenant_id_valid(id))
        return error_set(reterr, ERROR_INVALID, "id: '%.64s' is no tenant's id", id);
    (void)snprintf(tenant->id, sizeof tenant->id, "%s", id);
    return read_count(item, "pending", &tenant->pending, reterr) < 0 ||
                   read_count(item, "oldestPendingSeconds", &tenant->oldest_seconds, reterr) < 0 ||
                   read_count(item, "dead", &tenant->dead, reterr) < 0
               ? -1
               : 0;
}

static int read_tenants(const cJSON *message, RelayReport *report, Error *reterr)
{
    const cJSON *items = json_at(message, "tenants");
    int count = cJSON_GetArraySize(items);
    const cJSON *item = NULL;

    if (!cJSON_IsArray(items) || count > RELAY_REPORT_TENANTS_MAX)
        return error_set(reterr, ERROR_INVALID, "tenants: must be an array of at most %d",
                         RELAY_REPORT_TENANTS_MAX);
    report->tenants = xcalloc((size_t)count + 1, sizeof *report->tenants);
    cJSON_ArrayForEach (item, items) {
        RelayReportTenant *tenant = &report->tenants[report->count];
        const char *before = report->count > 0 ? tenant[-1].id : report->after;

        if (read_tenant(item, tenant, reterr) < 0)
            return error_wrap(reterr, "tenants[%zu]", report->count);
        if (strcmp(tenant->id, before) <= 0 ||
            (report->through[0] != '\0' && strcmp(tenant->id, report->through) > 0))
            return error_set(reterr, ERROR_INVALID,
                             "tenants[%zu]: '%s' is out of order or out of the range",
                             report->count, tenant->id);
        report->count++;
    }
    return 0;
}

int relay_report_parse(const char *text, size_t length, RelayReport *ret_report, Error *reterr)
{
    DEFER(defer_json) cJSON *message = NULL;
    DEFER(relay_report_done) RelayReport report = {0};

    if (length > RELAY_REPORT_BYTES_MAX)
        return error_set(reterr, ERROR_INVALID, "%zu bytes are more than the %d of a report",
                         length, RELAY_REPORT_BYTES_MAX);
    if (json_parse(text, length, &message, reterr) < 0 || read_head(message, &report, reterr) < 0 ||
        read_tenants(message, &report, reterr) < 0)
        return -1;
    *ret_report = report;
    report.tenants = NULL;
    return 0;
}

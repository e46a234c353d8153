/* The answers of several servers, one a line. What is counted of them belongs to tenants, and comes
 * in the order that lets it be compared. */
#include "counts.h"
#include "fuzz_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(void *context, const char *tenant_id, const Numbers *numbers)
{
    DEFER(numbers_done) Numbers copy = numbers_copy(numbers);
    DEFER(observed_done) Observed observed = numbers_observed(numbers);

    (void)context;
    assert(tenant_id_valid(tenant_id));
    assert(numbers_equal(&copy, numbers));
    assert((size_t)cJSON_GetArraySize(observed.consumers) == numbers->consumer_count);
    for (size_t i = 1; i < numbers->consumer_count; i++)
        assert(strcmp(numbers->consumers[i - 1].name, numbers->consumers[i].name) <= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput rest = {(const char *)data, size};
    DEFER(defer_counts) Counts *counts = counts_new();
    const ServerStore *servers = NULL;
    Error error;

    while (rest.left > 0) {
        DEFER(defer_free) char *answer = fuzz_line(&rest);

        if (answer != NULL && counts_add_server(counts, answer, strlen(answer), &error) < 0)
            assert(error.text[0] != '\0');
        if (answer != NULL && counts_add_streams(counts, answer, strlen(answer), &error) < 0)
            assert(error.text[0] != '\0');
    }
    for (size_t i = counts_servers(counts, &servers); i > 0; i--)
        assert(servers[i - 1].name[0] != '\0' && strpbrk(servers[i - 1].id, " .*>") == NULL);
    counts_each(counts, check, NULL);
    return 0;
}

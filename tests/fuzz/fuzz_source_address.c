/* What stands in X-Forwarded-For, and lists of networks. Whatever it is, a source is a short text,
 * and who is no trusted proxy cannot name another one. */
#include "fuzz_input.h"
#include "source_address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_networks(const char *text)
{
    Networks networks = {0};
    Error error = {.text = ""};

    if (networks_parse(text, &networks, &error) == 0)
        assert(networks.count <= NETWORKS_MAX);
    else
        assert(error.text[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput input = {(const char *)data, size};
    DEFER(defer_free) char *networks = fuzz_line(&input);
    DEFER(defer_free) char *forwarded = fuzz_rest(&input);
    Networks proxies = {0};
    Error error = {.text = ""};
    char source[SOURCE_SIZE] = "";

    if (networks != NULL)
        check_networks(networks);
    if (networks_parse("10.0.0.0/8, fd00::/8", &proxies, &error) < 0)
        abort();
    source_address("10.1.2.3", forwarded, &proxies, source);
    assert(source[0] != '\0' && strlen(source) < sizeof source);
    source_address("192.0.2.1", forwarded, &proxies, source);
    assert(text_eq(source, "192.0.2.1"));
    return 0;
}

#include "source_address.h"

#include <arpa/inet.h>

#include "units.h"

enum { ADDRESS_BYTES = 16, IPV4_BITS_BEFORE = 96, IPV6_SOURCE_BITS = 64 };

static const unsigned char ipv4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_ipv4(const unsigned char bytes[ADDRESS_BYTES])
{
    return memcmp(bytes, ipv4_prefix, sizeof ipv4_prefix) == 0;
}

/* "10.0.0.1", "2001:db8::1", "[2001:db8::1]:443", "10.0.0.1:443" */
static bool address_parse(const char *text, unsigned char ret_bytes[ADDRESS_BYTES])
{
    char address[SOURCE_SIZE];
    size_t length = strlen(text);
    const char *colon = strchr(text, ':');

    if (*text == '[') {
        text++;
        length = strcspn(text, "]");
    } else if (colon != NULL && strchr(colon + 1, ':') == NULL) {
        length = (size_t)(colon - text);
    }
    if (length >= sizeof address)
        return false;
    memcpy(address, text, length);
    address[length] = '\0';
    memcpy(ret_bytes, ipv4_prefix, sizeof ipv4_prefix);
    return inet_pton(AF_INET, address, ret_bytes + sizeof ipv4_prefix) == 1 ||
           inet_pton(AF_INET6, address, ret_bytes) == 1;
}

static int network_parse(const char *text, Network *ret_network, Error *reterr)
{
    const char *slash = strchr(text, '/');
    char address[SOURCE_SIZE];
    int64_t bits = -1;

    (void)snprintf(address, sizeof address, "%.*s",
                   (int)(slash != NULL ? slash - text : (ptrdiff_t)strlen(text)), text);
    if (!address_parse(address, ret_network->bytes))
        return error_set(reterr, ERROR_INVALID, "'%.60s' is not an address or a network", text);
    bool short_form = is_ipv4(ret_network->bytes);
    if (slash != NULL && count_parse(slash + 1, 0, short_form ? 32 : 128, &bits, reterr) < 0)
        return error_wrap(reterr, "'%.60s'", text);
    if (slash == NULL)
        bits = short_form ? 32 : 128;
    ret_network->bits = (int)bits + (short_form ? IPV4_BITS_BEFORE : 0);
    return 0;
}

int networks_parse(const char *text, Networks *ret_networks, Error *reterr)
{
    *ret_networks = (Networks){0};
    while (*text != '\0') {
        size_t length = strcspn(text, ", ");
        char part[2 * SOURCE_SIZE];

        if (length >= sizeof part || ret_networks->count == NETWORKS_MAX)
            return error_set(reterr, ERROR_INVALID,
                             "more than %d networks, or one that is too long", NETWORKS_MAX);
        memcpy(part, text, length);
        part[length] = '\0';
        if (length > 0 &&
            network_parse(part, &ret_networks->items[ret_networks->count++], reterr) < 0)
            return -1;
        text += length + (text[length] != '\0' ? 1 : 0);
    }
    return 0;
}

static bool network_holds(const Network *network, const unsigned char bytes[ADDRESS_BYTES])
{
    for (int bit = 0; bit < network->bits; bit += 8) {
        int left = network->bits - bit;
        unsigned mask = left >= 8 ? 0xffu : (0xff00u >> left) & 0xffu;

        if (((network->bytes[bit / 8] ^ bytes[bit / 8]) & mask) != 0)
            return false;
    }
    return true;
}

static bool networks_hold(const Networks *networks, const unsigned char bytes[ADDRESS_BYTES])
{
    for (size_t i = 0; i < networks->count; i++) {
        if (network_holds(&networks->items[i], bytes))
            return true;
    }
    return false;
}

/* The address before END in the list that begins at LIST; false where there is none or it is no
 * address. *ret_end is where the one before it ends. */
static bool previous_address(const char *list, const char *end, unsigned char ret[ADDRESS_BYTES],
                             const char **ret_end)
{
    char part[2 * SOURCE_SIZE];
    const char *start = end;

    while (start > list && start[-1] != ',')
        start--;
    *ret_end = start > list ? start - 1 : list;
    start += strspn(start, " \t");
    while (end > start && strchr(" \t", end[-1]) != NULL)
        end--;
    if (end <= start || (size_t)(end - start) >= sizeof part)
        return false;
    memcpy(part, start, (size_t)(end - start));
    part[end - start] = '\0';
    return address_parse(part, ret);
}

void source_address(const char *peer, const char *forwarded, const Networks *proxies,
                    char ret_source[SOURCE_SIZE])
{
    unsigned char bytes[ADDRESS_BYTES];
    unsigned char before[ADDRESS_BYTES];
    const char *end = forwarded != NULL ? forwarded + strlen(forwarded) : NULL;

    if (!address_parse(peer, bytes)) {
        (void)snprintf(ret_source, SOURCE_SIZE, "%.40s", peer);
        return;
    }
    while (forwarded != NULL && networks_hold(proxies, bytes) &&
           previous_address(forwarded, end, before, &end))
        memcpy(bytes, before, sizeof bytes);
    if (is_ipv4(bytes)) {
        (void)inet_ntop(AF_INET, bytes + sizeof ipv4_prefix, ret_source, SOURCE_SIZE);
        return;
    }
    memset(bytes + IPV6_SOURCE_BITS / 8, 0, sizeof bytes - IPV6_SOURCE_BITS / 8);
    (void)inet_ntop(AF_INET6, bytes, ret_source, SOURCE_SIZE);
}

#include "source_address.h"
#include "unit.h"

TEST(a_source_is_the_peer_or_what_a_proxy_of_ours_says)
{
    static const struct {
        const char *peer;
        const char *forwarded;
        const char *want;
    } cases[] = {
        {"192.0.2.1", NULL, "192.0.2.1"},
        {"192.0.2.1", "203.0.113.9", "192.0.2.1"}, /* nobody asked that one */
        {"10.1.2.3", NULL, "10.1.2.3"},
        {"10.1.2.3", "203.0.113.9", "203.0.113.9"},
        {"10.1.2.3", "198.51.100.7, 203.0.113.9", "203.0.113.9"},
        {"10.1.2.3", "198.51.100.7, 203.0.113.9 , 10.9.9.9", "203.0.113.9"},
        {"10.1.2.3", "10.0.0.1,10.0.0.2", "10.0.0.1"},
        {"10.1.2.3", "", "10.1.2.3"},
        {"10.1.2.3", ",,", "10.1.2.3"},
        {"10.1.2.3", "unknown", "10.1.2.3"},
        {"10.1.2.3", "203.0.113.9, nonsense", "10.1.2.3"},
        {"10.1.2.3", "203.0.113.9:4711", "203.0.113.9"},
        {"10.1.2.3", "[2001:db8:1:2:3:4:5:6]:4711", "2001:db8:1:2::"},
        {"::ffff:10.1.2.3", "203.0.113.9", "203.0.113.9"},
        {"::ffff:192.0.2.1", NULL, "192.0.2.1"},
        {"2001:db8:1:2:3:4:5:6", NULL, "2001:db8:1:2::"},
        {"fd00::1", "203.0.113.9", "203.0.113.9"},
        {"fe00::1", "203.0.113.9", "fe00::"},
        {"unknown", "203.0.113.9", "unknown"},
    };
    Networks proxies;
    Error error;

    assert_int_equal(networks_parse("10.0.0.0/8, fd00::/8,172.16.0.1", &proxies, &error), 0);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char source[SOURCE_SIZE];

        source_address(cases[i].peer, cases[i].forwarded, &proxies, source);
        assert_string_equal(source, cases[i].want);
    }
}

TEST(networks_end_inside_a_byte_too)
{
    Networks proxies;
    char source[SOURCE_SIZE];
    Error error;

    assert_int_equal(networks_parse("10.16.0.0/12", &proxies, &error), 0);
    source_address("10.31.255.255", "192.0.2.1", &proxies, source);
    assert_string_equal(source, "192.0.2.1");
    source_address("10.32.0.0", "192.0.2.1", &proxies, source);
    assert_string_equal(source, "10.32.0.0");
}

TEST(what_is_no_network_is_refused_by_name)
{
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
        {"10.0.0.0/33", "'10.0.0.0/33': "},
        {"::/129", "'::/129': "},
        {"10.0.0/8", "'10.0.0/8' is not an address or a network"},
        {"proxy.example.org", "'proxy.example.org' is not an address or a network"},
        {"10.0.0.0/8,x", "'x' is not an address or a network"},
        {"/8", "'/8' is not an address or a network"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        Networks networks;
        Error error;

        assert_int_equal(networks_parse(cases[i].text, &networks, &error), -1);
        assert_true(text_starts(error.text, cases[i].want));
    }
}

TEST(an_empty_list_trusts_nobody)
{
    Networks networks;
    Error error;

    assert_int_equal(networks_parse("", &networks, &error), 0);
    assert_int_equal(networks.count, 0);
    assert_int_equal(networks_parse(" , ", &networks, &error), 0);
    assert_int_equal(networks.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_is_the_peer_or_what_a_proxy_of_ours_says),
        cmocka_unit_test(networks_end_inside_a_byte_too),
        cmocka_unit_test(what_is_no_network_is_refused_by_name),
        cmocka_unit_test(an_empty_list_trusts_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

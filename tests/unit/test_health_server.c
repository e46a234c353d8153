#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "health_server.h"
#include "metrics.h"
#include "text.h"
#include "unit.h"

static Metric gauge = {.name = "test_gauge", .type = METRIC_GAUGE, .help = "A number."};
static _Atomic(const char *) trouble; /* what the checks complain of */

static const char *alive(void *context)
{
    return trouble != NULL ? context : NULL;
}

static const char *ready(void *context)
{
    (void)context;
    return trouble;
}

static atomic_int measured;

static void measure(void *context)
{
    (void)context;
    metric_set(&gauge, (double)measured);
}

static char hangs[] = "the loop hangs";

static const HealthChecks checks = {
    .alive = alive, .ready = ready, .measure = measure, .context = hangs};

static int server_setup(void **state)
{
    HealthServer *server = NULL;
    Error error;

    trouble = NULL;
    assert_int_equal(health_server_start("127.0.0.1:0", &checks, &server, &error), 0);
    *state = server;
    return 0;
}

static int server_teardown(void **state)
{
    health_server_stop(*state);
    return 0;
}

static int connected(const char *address, uint16_t port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    bool is_v4 = inet_pton(AF_INET, address, &v4.sin_addr) == 1;
    int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM, 0);

    (void)inet_pton(AF_INET6, address, &v6.sin6_addr);
    int r = is_v4 ? connect(fd, (const struct sockaddr *)&v4, sizeof v4)
                  : connect(fd, (const struct sockaddr *)&v6, sizeof v6);
    if (r == 0)
        return fd;
    (void)close(fd);
    return -1;
}

/* The whole answer to METHOD PATH, borrowed until the next. */
static const char *asked(const HealthServer *server, const char *method, const char *path)
{
    static char answer[1 << 16];
    char request[256];
    size_t length = 0;
    ssize_t got;
    int fd = connected("127.0.0.1", health_server_port(server));

    assert_true(fd >= 0);
    int size = snprintf(request, sizeof request,
                        "%s %s HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n"
                        "Connection: close\r\n\r\n",
                        method, path);
    assert_int_equal(write(fd, request, (size_t)size), size);
    while ((got = read(fd, answer + length, sizeof answer - 1 - length)) > 0)
        length += (size_t)got;
    (void)close(fd);
    answer[length] = '\0';
    return answer;
}

static void answer_is(const char *answer, const char *status, const char *body)
{
    const char *at = strstr(answer, "\r\n\r\n");
    char line[64];

    (void)snprintf(line, sizeof line, "HTTP/1.1 %s\r\n", status);
    assert_true(text_starts(answer, line));
    assert_non_null(at);
    assert_string_equal(at + 4, body);
}

#define SERVER_TEST(name) static void name(void **state)

SERVER_TEST(a_process_that_is_well_says_ok)
{
    answer_is(asked(*state, "GET", "/livez"), "200 OK", "ok\n");
    answer_is(asked(*state, "GET", "/healthz"), "200 OK", "ok\n");
    answer_is(asked(*state, "GET", "/readyz"), "200 OK", "ok\n");
    answer_is(asked(*state, "GET", "/readyz?verbose"), "200 OK", "ok\n");
}

SERVER_TEST(a_complaint_is_shown_with_503)
{
    trouble = "PostgreSQL is away";
    answer_is(asked(*state, "GET", "/livez"), "503 Service Unavailable", "the loop hangs\n");
    answer_is(asked(*state, "GET", "/readyz"), "503 Service Unavailable", "PostgreSQL is away\n");
}

SERVER_TEST(metrics_are_measured_and_served_in_the_text_format)
{
    measured = 42;
    const char *answer = asked(*state, "GET", "/metrics");
    answer_is(answer, "200 OK",
              "# HELP test_gauge A number.\n# TYPE test_gauge gauge\ntest_gauge 42\n");
    assert_non_null(strstr(answer, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
}

SERVER_TEST(another_path_is_not_found)
{
    static const char *const paths[] = {"/", "/live", "/livez/", "/metrics2", "/%00livez"};

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
        answer_is(asked(*state, "GET", paths[i]), "404 Not Found",
                  "not found: want /livez, /readyz or /metrics\n");
}

SERVER_TEST(another_method_is_not_allowed)
{
    static const char *const methods[] = {"POST", "PUT", "DELETE"};

    for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
        const char *answer = asked(*state, methods[i], "/livez");

        answer_is(answer, "405 Method Not Allowed", "only GET is answered here\n");
        assert_non_null(strstr(answer, "Allow: GET, HEAD\r\n"));
    }
}

SERVER_TEST(head_is_answered_without_a_body)
{
    answer_is(asked(*state, "HEAD", "/livez"), "200 OK", "");
}

TEST(an_empty_host_is_every_address)
{
    HealthServer *server = NULL;
    Error error;

    assert_int_equal(health_server_start(":0", &checks, &server, &error), 0);
    int v4 = connected("127.0.0.1", health_server_port(server));
    int v6 = connected("::1", health_server_port(server));
    health_server_stop(server);
    assert_true(v4 >= 0);
    int any = socket(AF_INET6, SOCK_STREAM, 0);
    assert_true(v6 >= 0 || any < 0); /* where there is IPv6 at all */
    (void)close(v4);
    (void)close(v6);
    (void)close(any);
}

TEST(a_stopped_server_gives_its_port_back)
{
    HealthServer *server = NULL;
    char listen[32];
    Error error;

    assert_int_equal(health_server_start("127.0.0.1:0", &checks, &server, &error), 0);
    (void)snprintf(listen, sizeof listen, "127.0.0.1:%u", health_server_port(server));
    health_server_stop(server);
    assert_int_equal(health_server_start(listen, &checks, &server, &error), 0);
    health_server_stop(server);
    health_server_stop(NULL);
}

SERVER_TEST(a_port_that_is_taken_is_told)
{
    HealthServer *second = NULL;
    uint16_t port = health_server_port(*state);
    char listen[32];
    char want[128];
    Error error;

    (void)snprintf(listen, sizeof listen, "127.0.0.1:%u", port);
    (void)snprintf(want, sizeof want,
                   "--listen: port %u of '127.0.0.1' cannot be had: Address already in use", port);
    assert_int_equal(health_server_start(listen, &checks, &second, &error), -1);
    assert_int_equal(error.kind, ERROR_INVALID);
    assert_string_equal(error.text, want);
    assert_null(second);
}

TEST(an_address_that_is_none_is_told)
{
    static const struct {
        const char *listen;
        const char *want;
    } cases[] = {
        {"", "--listen: '' is not host:port"},
        {"8080", "--listen: '8080' is not host:port"},
        {"localhost", "--listen: 'localhost' is not host:port"},
        {":", "--listen: '' is not a whole number from 0 to 65535"},
        {":http", "--listen: 'http' is not a whole number from 0 to 65535"},
        {":65536", "--listen: '65536' is not a whole number from 0 to 65535"},
        {":-1", "--listen: '-1' is not a whole number from 0 to 65535"},
        {"192.0.2.1:0", /* nobody's: RFC 5737 */
         "--listen: port 0 of '192.0.2.1' cannot be had: Cannot assign requested address"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        HealthServer *server = NULL;
        Error error;

        assert_int_equal(health_server_start(cases[i].listen, &checks, &server, &error), -1);
        assert_int_equal(error.kind, ERROR_INVALID);
        assert_string_equal(error.text, cases[i].want);
    }
}

#define SERVER_UNIT_TEST(name) cmocka_unit_test_setup_teardown(name, server_setup, server_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVER_UNIT_TEST(a_process_that_is_well_says_ok),
        SERVER_UNIT_TEST(a_complaint_is_shown_with_503),
        SERVER_UNIT_TEST(metrics_are_measured_and_served_in_the_text_format),
        SERVER_UNIT_TEST(another_path_is_not_found),
        SERVER_UNIT_TEST(another_method_is_not_allowed),
        SERVER_UNIT_TEST(head_is_answered_without_a_body),
        cmocka_unit_test(an_empty_host_is_every_address),
        cmocka_unit_test(a_stopped_server_gives_its_port_back),
        SERVER_UNIT_TEST(a_port_that_is_taken_is_told),
        cmocka_unit_test(an_address_that_is_none_is_told),
    };

    metrics_register(&gauge);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

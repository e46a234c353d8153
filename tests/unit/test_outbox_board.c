#include "outbox_board.h"
#include "unit.h"

enum { INTERVAL_MS = 1000, NAMES_SIZE = 128 };

typedef struct World {
    OutboxBoard *board;
    char changed[NAMES_SIZE]; /* by the last call, each followed by a space */
} World;

static int world_teardown(void **state)
{
    World *world = *state;

    outbox_board_free(world->board);
    return 0;
}

static void on_changed(void *context, const char *tenant_id)
{
    World *world = context;
    size_t used = strlen(world->changed);

    (void)snprintf(world->changed + used, sizeof world->changed - used, "%s ",
                   tenant_id != NULL ? tenant_id : "(all)");
}

static int world_setup(void **state)
{
    static World world;

    world = (World){.board = outbox_board_new(0, on_changed, &world)};
    *state = &world;
    return 0;
}

static RelayReport report_of(const char *database, const char *at, RelayReportTenant *tenants,
                             size_t count)
{
    RelayReport report = {.interval_ms = INTERVAL_MS, .tenants = tenants, .count = count};

    (void)snprintf(report.database, sizeof report.database, "%s", database);
    (void)snprintf(report.at, sizeof report.at, "2026-01-01T00:00:%sZ", at);
    return report;
}

static void add(World *world, const RelayReport *report, int64_t now_ms, const char *changed)
{
    Error error;

    world->changed[0] = '\0';
    assert_int_equal(outbox_board_add(world->board, report, now_ms, &error), 0);
    assert_string_equal(world->changed, changed);
}

static void rows_are(const World *world, const char *tenant_id, int64_t pending, int64_t oldest,
                     int64_t dead)
{
    OutboxNumbers numbers;

    assert_int_equal(outbox_board_find(world->board, tenant_id, 0, &numbers), OUTBOX_REPORTED);
    assert_int_equal(numbers.pending, pending);
    assert_int_equal(numbers.oldest_seconds, oldest);
    assert_int_equal(numbers.dead, dead);
}

#define BOARD_TEST(name) static void name(void **state)

BOARD_TEST(before_the_first_report_nothing_is_known_and_later_that_there_is_none)
{
    World *world = *state;
    OutboxNumbers numbers;

    assert_int_equal(outbox_board_find(world->board, "acme", 60000, &numbers), OUTBOX_UNKNOWN);
    assert_int_equal(outbox_board_find(world->board, "acme", 60001, &numbers), OUTBOX_UNREPORTED);
}

BOARD_TEST(the_newest_report_counts_and_who_is_not_listed_has_nothing)
{
    World *world = *state;
    RelayReportTenant first[] = {{.id = "acme", .pending = 5, .oldest_seconds = 9},
                                 {.id = "globex", .dead = 1}};
    RelayReportTenant second[] = {{.id = "acme", .pending = 6, .oldest_seconds = 2}};
    RelayReport report = report_of("shop", "01", first, 2);

    add(world, &report, 100, "acme globex (all) ");
    rows_are(world, "acme", 5, 9, 0);
    rows_are(world, "globex", 0, 0, 1);
    rows_are(world, "initech", 0, 0, 0);
    add(world, &report, 200, "");
    report = report_of("shop", "02", second, 1);
    add(world, &report, 300, "acme globex ");
    rows_are(world, "acme", 6, 2, 0);
    rows_are(world, "globex", 0, 0, 0);
}

BOARD_TEST(an_older_report_is_left_aside)
{
    World *world = *state;
    RelayReportTenant newer[] = {{.id = "acme", .pending = 5}};
    RelayReportTenant older[] = {{.id = "acme", .pending = 50}};
    RelayReport report = report_of("shop", "09", newer, 1);

    add(world, &report, 100, "acme (all) ");
    report = report_of("shop", "08", older, 1);
    add(world, &report, 200, "");
    rows_are(world, "acme", 5, 0, 0);
}

BOARD_TEST(a_part_speaks_of_its_range_alone)
{
    World *world = *state;
    RelayReportTenant first[] = {{.id = "acme", .pending = 1}};
    RelayReportTenant second[] = {{.id = "zulu", .pending = 2}};
    RelayReport report = report_of("shop", "01", first, 1);

    (void)snprintf(report.through, sizeof report.through, "m");
    add(world, &report, 100, "acme (all) ");
    report = report_of("shop", "01", second, 1);
    (void)snprintf(report.after, sizeof report.after, "m");
    add(world, &report, 100, "zulu ");
    rows_are(world, "acme", 1, 0, 0);
    rows_are(world, "zulu", 2, 0, 0);
    report.count = 0;
    add(world, &report, 200, "zulu ");
    rows_are(world, "acme", 1, 0, 0);
}

BOARD_TEST(a_range_that_is_never_heard_of_again_is_forgotten)
{
    World *world = *state;
    RelayReportTenant first[] = {{.id = "acme", .pending = 1}};
    RelayReport report = report_of("shop", "01", first, 1);

    add(world, &report, 0, "acme (all) ");
    report = report_of("shop", "02", NULL, 0);
    (void)snprintf(report.after, sizeof report.after, "m");
    add(world, &report, 4000, "");
    rows_are(world, "acme", 1, 0, 0);
    add(world, &report, 4100, "acme ");
    rows_are(world, "acme", 0, 0, 0);
}

BOARD_TEST(databases_are_added_up)
{
    World *world = *state;
    RelayReportTenant one[] = {{.id = "acme", .pending = 5, .oldest_seconds = 9, .dead = 1}};
    RelayReportTenant two[] = {{.id = "acme", .pending = 7, .oldest_seconds = 3, .dead = 2}};
    RelayReport report = report_of("shop", "01", one, 1);
    OutboxNumbers numbers;

    add(world, &report, 0, "acme (all) ");
    report = report_of("billing", "05", two, 1);
    add(world, &report, 0, "acme (all) ");
    rows_are(world, "acme", 12, 9, 3);
    (void)outbox_board_find(world->board, "acme", 0, &numbers);
    assert_string_equal(numbers.at, "2026-01-01T00:00:05Z");
}

BOARD_TEST(a_database_that_nobody_speaks_of_is_dropped)
{
    World *world = *state;
    RelayReportTenant one[] = {{.id = "acme", .pending = 5}};
    RelayReport report = report_of("shop", "30", one, 1);
    OutboxNumbers numbers;

    add(world, &report, 1000, "acme (all) ");
    world->changed[0] = '\0';
    outbox_board_expire(world->board, 5000);
    assert_string_equal(world->changed, "");
    outbox_board_expire(world->board, 5001);
    assert_string_equal(world->changed, "(all) ");
    assert_int_equal(outbox_board_find(world->board, "acme", 5001, &numbers), OUTBOX_UNREPORTED);
    report = report_of("shop", "02", one, 1); /* a database whose clock was put back */
    add(world, &report, 6000, "acme (all) ");
}

BOARD_TEST(the_number_of_databases_is_bounded)
{
    World *world = *state;
    char name[16];
    Error error;

    for (int i = 0; i < 64; i++) {
        (void)snprintf(name, sizeof name, "db-%d", i);
        RelayReport report = report_of(name, "01", NULL, 0);
        add(world, &report, 0, "(all) ");
    }
    RelayReport report = report_of("one-more", "01", NULL, 0);
    assert_int_equal(outbox_board_add(world->board, &report, 0, &error), -1);
    assert_string_equal(error.text, "more than 64 databases report; 'one-more' is left out");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(before_the_first_report_nothing_is_known_and_later_that_there_is_none),
        T(the_newest_report_counts_and_who_is_not_listed_has_nothing),
        T(an_older_report_is_left_aside),
        T(a_part_speaks_of_its_range_alone),
        T(a_range_that_is_never_heard_of_again_is_forgotten),
        T(databases_are_added_up),
        T(a_database_that_nobody_speaks_of_is_dropped),
        T(the_number_of_databases_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

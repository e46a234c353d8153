#include "conditions.h"
#include "conditions_check.h"
#include "unit.h"
#include "walk.h"
#include "yaml_value.h"

enum { FINDINGS_MAX = 4096, OUTCOMES = OUTCOME_DELETING + 1, STEPS = 60, SEEDS = 200 };

static const ConditionStamp stamp = {.generation = 3, .now = "2026-01-02T15:04:05Z"};

/* "True/Reconciled", or "-" where the condition is not there. */
static const char *shown(const cJSON *conditions, const char *type, char ret[128])
{
    const cJSON *item = condition_find(conditions, type);

    (void)snprintf(ret, 128, "%s%s%s", json_text(item, "status", "-"), item != NULL ? "/" : "",
                   json_text(item, "reason", ""));
    return ret;
}

static void assert_shown(const cJSON *conditions, const char *type, const char *want)
{
    char got[128];

    assert_string_equal(shown(conditions, type, got), want);
}

TEST(each_outcome_has_its_row)
{
    static const struct {
        Outcome outcome;
        const char *ready;
        const char *reconciling;
        const char *stalled;
        const char *in_sync;
    } cases[] = {
        {OUTCOME_PROGRESSING, "Unknown/Progressing", "True/Progressing", "-",
         "Unknown/Progressing"},
        {OUTCOME_RETRYING, "False/Unavailable", "True/ProgressingWithRetry", "-",
         "Unknown/Unavailable"},
        {OUTCOME_STALLED, "False/Unavailable", "-", "True/Unavailable", "False/Unavailable"},
        {OUTCOME_READY, "True/Reconciled", "-", "-", "True/Reconciled"},
        {OUTCOME_DRIFTED, "False/Drifted", "-", "-", "False/Drifted"},
        {OUTCOME_SUSPENDED, "Unknown/Suspended", "-", "-", "True/Reconciled"},
        {OUTCOME_DELETING, "False/Deleting", "True/Deleting", "-", "Unknown/Deleting"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(defer_json) cJSON *conditions = cJSON_CreateArray();

        conditions_report(conditions, cases[i].outcome, "Unavailable", "it is so", &stamp);
        assert_shown(conditions, "Ready", cases[i].ready);
        assert_shown(conditions, "Reconciling", cases[i].reconciling);
        assert_shown(conditions, "Stalled", cases[i].stalled);
        assert_shown(conditions, "InSync", cases[i].in_sync);
        assert_string_equal(json_text(condition_find(conditions, "Ready"), "message", ""),
                            "it is so");
    }
}

TEST(the_time_moves_only_when_the_status_does)
{
    const ConditionStamp later = {.generation = 4, .now = "2027-01-01T00:00:00Z"};
    DEFER(defer_json) cJSON *conditions = cJSON_CreateArray();
    Condition condition = {"Ready", CONDITION_TRUE, "Reconciled", "all is well"};

    condition_set(conditions, &condition, &stamp);
    condition.message = "all is still well";
    condition_set(conditions, &condition, &later);
    const cJSON *ready = condition_find(conditions, "Ready");
    assert_string_equal(json_text(ready, "lastTransitionTime", ""), stamp.now);
    assert_string_equal(json_text(ready, "message", ""), "all is still well");
    assert_int_equal(json_int(ready, "observedGeneration", 0), 4);

    condition.status = CONDITION_FALSE;
    condition_set(conditions, &condition, &later);
    assert_string_equal(json_text(condition_find(conditions, "Ready"), "lastTransitionTime", ""),
                        later.now);
    assert_int_equal(cJSON_GetArraySize(conditions), 1);
}

TEST(a_report_keeps_the_conditions_of_others_and_their_time)
{
    const ConditionStamp later = {.generation = 4, .now = "2027-01-01T00:00:00Z"};
    DEFER(defer_json) cJSON *conditions = cJSON_CreateArray();

    condition_set(conditions, &(Condition){"Delivering", CONDITION_FALSE, "Poisoned", "9"}, &stamp);
    conditions_report(conditions, OUTCOME_READY, "", "", &later);
    const cJSON *delivering = condition_find(conditions, "Delivering");
    assert_shown(conditions, "Delivering", "False/Poisoned");
    assert_string_equal(json_text(delivering, "lastTransitionTime", ""), stamp.now);
    assert_int_equal(json_int(delivering, "observedGeneration", 0), 4);
}

TEST(what_is_removed_is_gone_and_removing_it_again_does_nothing)
{
    DEFER(defer_json) cJSON *conditions = cJSON_CreateArray();

    condition_set(conditions, &(Condition){"Stalled", CONDITION_TRUE, "Bad", ""}, &stamp);
    condition_remove(conditions, "Stalled");
    condition_remove(conditions, "Stalled");
    assert_null(condition_find(conditions, "Stalled"));
    assert_null(condition_find(NULL, "Stalled"));
}

/* The API server refuses a whole status for one reason that is not a word. */
TEST(a_reason_that_is_not_a_word_becomes_unknown)
{
    static const struct {
        const char *reason;
        const char *want;
    } cases[] = {
        {"OwnedByOther", "OwnedByOther"},
        {"A", "A"},
        {"Code_10059", "Code_10059"},
        {"a:b,c", "a:b,c"},
        {"", "Unknown"},
        {"two words", "Unknown"},
        {"9lives", "Unknown"},
        {"_x", "Unknown"},
        {"ends:", "Unknown"},
        {"ends,", "Unknown"},
        {"ümlaut", "Unknown"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(defer_json) cJSON *conditions = cJSON_CreateArray();

        condition_set(conditions, &(Condition){"Ready", CONDITION_FALSE, cases[i].reason, ""},
                      &stamp);
        assert_string_equal(json_text(condition_find(conditions, "Ready"), "reason", ""),
                            cases[i].want);
    }
}

TEST(a_long_message_is_cut_between_two_characters)
{
    static char message[40000];
    DEFER(defer_json) cJSON *conditions = cJSON_CreateArray();

    memset(message, 'x', sizeof message - 1);
    message[32767] = (char)0xC3; /* ä, of two bytes */
    message[32768] = (char)0xA4;
    condition_set(conditions, &(Condition){"Ready", CONDITION_FALSE, "Long", message}, &stamp);
    assert_int_equal(strlen(json_text(condition_find(conditions, "Ready"), "message", "")), 32767);
}

TEST(what_waiting_does_not_help_is_stalled)
{
    static const struct {
        ErrorKind kind;
        Outcome want;
    } cases[] = {
        {ERROR_BUSY, OUTCOME_RETRYING},       {ERROR_CONFLICT, OUTCOME_RETRYING},
        {ERROR_NOT_FOUND, OUTCOME_RETRYING},  {ERROR_BUG, OUTCOME_RETRYING},
        {ERROR_DENIED, OUTCOME_STALLED},      {ERROR_LIMIT, OUTCOME_STALLED},
        {ERROR_OWNED, OUTCOME_STALLED},       {ERROR_UNOWNED, OUTCOME_STALLED},
        {ERROR_UNSUPPORTED, OUTCOME_STALLED}, {ERROR_REFUSED, OUTCOME_STALLED},
        {ERROR_INVALID, OUTCOME_STALLED},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(outcome_of_error(cases[i].kind), cases[i].want);
}

static cJSON *object_with(const cJSON *conditions, int64_t generation)
{
    cJSON *object = yaml_value("{metadata: {}, status: {}}");
    cJSON *status = cJSON_GetObjectItemCaseSensitive(object, "status");

    json_set_int(cJSON_GetObjectItemCaseSensitive(object, "metadata"), "generation", generation);
    json_set_int(status, "observedGeneration", generation);
    json_set(status, "conditions", cJSON_Duplicate(conditions, true));
    return object;
}

static void take_a_step(Walk *walk, cJSON *conditions)
{
    const ConditionStamp now = {.generation = 1 + walk->step / 3, .now = stamp.now};
    const Condition other = {"Delivering", (ConditionStatus)walk_roll(walk, 3), "Some", ""};
    DEFER(text_done) Text findings = TEXT_MAX(FINDINGS_MAX);

    if (walk_roll(walk, 4) == 0)
        condition_set(conditions, &other, &now);
    conditions_report(conditions, (Outcome)walk_roll(walk, OUTCOMES), "Some", "", &now);
    DEFER(defer_json) cJSON *object = object_with(conditions, now.generation);
    WALK_HOLDS(walk, conditions_check(object, &findings));
}

/* Whatever happens to a Tenant, and in whatever order, its conditions keep the rules of those who
 * read them. */
TEST(any_order_of_outcomes_keeps_the_rules)
{
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        DEFER(defer_json) cJSON *conditions = cJSON_CreateArray();
        Walk walk = walk_start(seed);

        for (walk.step = 0; walk.step < STEPS; walk.step++)
            take_a_step(&walk, conditions);
    }
}

#define CONDITION(type, status, reason)                                                            \
    "{type: " type ", status: '" status "', reason: " reason                                       \
    ", message: '', lastTransitionTime: '2026-01-02T15:04:05Z', observedGeneration: 2}"
#define OBJECT(observed, conditions)                                                               \
    "{metadata: {generation: 2}, status: {observedGeneration: " observed                           \
    ", conditions: [" conditions "]}}"

TEST(the_check_names_the_rule_that_is_broken)
{
    static const struct {
        const char *object;
        const char *want;
    } cases[] = {
        {OBJECT("2", CONDITION("Ready", "True", "Reconciled")), ""},
        {OBJECT("2", ""), "Ready must always be there\n"},
        {OBJECT("2", CONDITION("Ready", "False", "X") "," CONDITION("Stalled", "False", "X")),
         "Reconciling and Stalled must be True or taken away\n"},
        {OBJECT("2", CONDITION("Ready", "False", "X") "," CONDITION(
                         "Stalled", "True", "X") "," CONDITION("Reconciling", "True", "X")),
         "Reconciling and Stalled must not be there together\n"},
        {OBJECT("2", CONDITION("Ready", "True", "X") "," CONDITION("Reconciling", "True", "X")),
         "Ready must not be True beside Reconciling or Stalled\n"},
        {OBJECT("2", CONDITION("Ready", "Unknown", "X") "," CONDITION("Stalled", "True", "X")),
         "Ready must be False beside Stalled\n"
         "Ready=Unknown must have Reconciling beside it, unless suspended\n"},
        {OBJECT("2", CONDITION("Ready", "Unknown", "Suspended")), ""},
        {OBJECT("2", CONDITION("Ready", "True", "X") "," CONDITION("InSync", "False", "X")),
         "Ready must not be True beside InSync=False\n"},
        {OBJECT("3", CONDITION("Ready", "False", "X")),
         "status.observedGeneration must not be above metadata.generation\n"},
        {OBJECT("1", CONDITION("Ready", "True", "X")),
         "Ready must not be True before the generation was observed\n"
         "with Ready=True each condition must speak of the same generation\n"},
        {OBJECT("2", CONDITION("Ready", "False", "X") "," CONDITION("Ready", "False", "X")),
         "a type must be there once\n"},
        {OBJECT("2", "{type: Ready, status: 'False', reason: X, observedGeneration: 2}"),
         "a condition must have type, status, reason, message and time\n"},
        {OBJECT("2", "{type: Ready, status: 'False', reason: X, message: '', "
                     "lastTransitionTime: '2026-01-02T15:04:05Z'}"),
         "a condition's observedGeneration must be there, not above the generation\n"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(defer_json) cJSON *object = yaml_value(cases[i].object);
        DEFER(text_done) Text findings = TEXT_MAX(FINDINGS_MAX);

        assert_int_equal(conditions_check(object, &findings), *cases[i].want == '\0');
        assert_string_equal(text_get(&findings), cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_outcome_has_its_row),
        cmocka_unit_test(the_time_moves_only_when_the_status_does),
        cmocka_unit_test(a_report_keeps_the_conditions_of_others_and_their_time),
        cmocka_unit_test(what_is_removed_is_gone_and_removing_it_again_does_nothing),
        cmocka_unit_test(a_reason_that_is_not_a_word_becomes_unknown),
        cmocka_unit_test(a_long_message_is_cut_between_two_characters),
        cmocka_unit_test(what_waiting_does_not_help_is_stalled),
        cmocka_unit_test(any_order_of_outcomes_keeps_the_rules),
        cmocka_unit_test(the_check_names_the_rule_that_is_broken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "folder.h"
#include "secret_file.h"
#include "unit.h"

TEST(a_secret_is_a_copy_that_ends_with_nul)
{
    Secret secret = secret_copy("a\0b", 3);

    assert_int_equal(secret.length, 3);
    assert_memory_equal(secret.at, "a\0b", 4);
    secret_done(&secret);
    assert_null(secret.at);
    secret_done(&secret);
    secret_free(NULL);
}

TEST(secrets_compare_by_their_bytes)
{
    DEFER(secret_done) Secret a = secret_copy("a\0b", 3);
    DEFER(secret_done) Secret same = secret_copy("a\0b", 3);
    DEFER(secret_done) Secret other = secret_copy("a\0c", 3);
    DEFER(secret_done) Secret shorter = secret_copy("a", 1);
    const Secret none = {0};

    assert_true(secret_equal(&a, &same));
    assert_false(secret_equal(&a, &other));
    assert_false(secret_equal(&a, &shorter));
    assert_false(secret_equal(&a, &none));
    assert_true(secret_equal(&none, &none));
}

TEST(white_space_at_the_end_is_cut)
{
    static const char *const cases[][2] = {
        {"token", "token"},     {"token\n", "token"}, {"token \r\n\t\n", "token"},
        {" to ken", " to ken"}, {"\n", ""},           {"", ""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(secret_done) Secret secret = secret_copy(cases[i][0], strlen(cases[i][0]));

        secret_trim(&secret);
        assert_string_equal(secret.at, cases[i][1]);
        assert_int_equal(secret.length, strlen(cases[i][1]));
    }
}

TEST(a_file_is_read_whole)
{
    DEFER(folder_done) Folder folder;
    DEFER(secret_done) Secret secret = {0};
    DEFER(secret_done) Secret empty = {0};
    Error error = {0};

    folder_init(&folder);
    folder_write_bytes(&folder, "key", "a\0\n", 3);
    folder_write(&folder, "empty", "");
    DEFER(defer_free) char *key = folder_file(&folder, "key");
    DEFER(defer_free) char *nothing = folder_file(&folder, "empty");
    assert_int_equal(secret_read(key, &secret, &error), 0);
    assert_int_equal(secret.length, 3);
    assert_memory_equal(secret.at, "a\0\n", 4);
    assert_int_equal(secret_read(nothing, &empty, &error), 0);
    assert_int_equal(empty.length, 0);
    assert_string_equal(empty.at, "");
}

static void expect_unreadable(const char *path, const char *why)
{
    DEFER(defer_free) char *want = xasprintf("%s: %s", path, why);
    Secret secret = {0};
    Error error = {0};

    assert_int_equal(secret_read(path, &secret, &error), -1);
    assert_int_equal(error.kind, ERROR_INVALID);
    assert_string_equal(error.text, want);
    assert_null(secret.at);
}

TEST(what_is_no_readable_file_is_named)
{
    DEFER(folder_done) Folder folder;

    folder_init(&folder);
    DEFER(defer_free) char *missing = folder_file(&folder, "missing");
    DEFER(defer_free) char *pipe = folder_file(&folder, "pipe");
    DEFER(defer_free) char *large = folder_file(&folder, "large");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    folder_write(&folder, "large", "");
    assert_int_equal(truncate(large, SECRET_BYTES_MAX + 1), 0);
    expect_unreadable(missing, "cannot be read: No such file or directory");
    expect_unreadable(folder.path, "not a regular file");
    expect_unreadable(pipe, "not a regular file");
    expect_unreadable(large, "larger than 1048576 bytes");
}

static bool refresh(SecretFile *file)
{
    bool changed = false;
    Error error = {0};

    assert_int_equal(secret_file_refresh(file, &changed, &error), 0);
    return changed;
}

TEST(a_file_that_was_replaced_is_read_again)
{
    DEFER(folder_done) Folder folder;
    DEFER(secret_file_done) SecretFile file;

    folder_init(&folder);
    folder_write(&folder, "token", "one\n");
    DEFER(defer_free) char *path = folder_file(&folder, "token");
    secret_file_init(&file, path, true);
    assert_true(refresh(&file));
    assert_string_equal(file.secret.at, "one");
    assert_false(refresh(&file));
    folder_write(&folder, "token", "two\n");
    assert_true(refresh(&file));
    assert_string_equal(file.secret.at, "two");
    folder_write(&folder, "token", "two  \n"); /* another file with the same token */
    assert_false(refresh(&file));
}

/* As the kubelet does it: token -> ..data/token, and ..data is a link that is swapped. */
TEST(a_link_that_was_swapped_is_noticed)
{
    DEFER(folder_done) Folder folder;
    DEFER(secret_file_done) SecretFile file;

    folder_init(&folder);
    folder_write(&folder, "one", "1");
    folder_write(&folder, "two", "2");
    DEFER(defer_free) char *link = folder_file(&folder, "link");
    DEFER(defer_free) char *fresh = folder_file(&folder, "fresh");
    assert_int_equal(symlink("one", link), 0);
    secret_file_init(&file, link, false);
    assert_true(refresh(&file));
    assert_int_equal(symlink("two", fresh), 0);
    assert_int_equal(rename(fresh, link), 0);
    assert_true(refresh(&file));
    assert_string_equal(file.secret.at, "2");
}

TEST(the_old_content_stays_while_the_file_is_missing)
{
    DEFER(folder_done) Folder folder;
    DEFER(secret_file_done) SecretFile file;
    bool changed = true;
    Error error = {0};

    folder_init(&folder);
    folder_write(&folder, "token", "one");
    DEFER(defer_free) char *path = folder_file(&folder, "token");
    secret_file_init(&file, path, true);
    assert_true(refresh(&file));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(secret_file_refresh(&file, &changed, &error), -1);
    assert_string_equal(file.secret.at, "one");
    folder_write(&folder, "token", "two");
    assert_true(refresh(&file));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_is_a_copy_that_ends_with_nul),
        cmocka_unit_test(secrets_compare_by_their_bytes),
        cmocka_unit_test(white_space_at_the_end_is_cut),
        cmocka_unit_test(a_file_is_read_whole),
        cmocka_unit_test(what_is_no_readable_file_is_named),
        cmocka_unit_test(a_file_that_was_replaced_is_read_again),
        cmocka_unit_test(a_link_that_was_swapped_is_noticed),
        cmocka_unit_test(the_old_content_stays_while_the_file_is_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

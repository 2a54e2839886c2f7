/* The contract of the C API: what each function answers to good and to wrong arguments, and that nothing leaks. */
#define _GNU_SOURCE
#include <shiwake.h>
#include <pthread.h>
#include <string.h>
#include "check.h"

static const char RULES[] = "[[rule]]\nname = 'health'\ndrop = true\nmatch = 'health'\n"
                            "[[rule]]\nname = 'pay'\ntype = 'audit'\nmatch = 'paid'\nset = { team = 'shop' }\n";
static const char LINE[] = "{\"log\":\"order 7 paid\",\"n\":1.50}";

static int has(const shiwake_buffer *buffer, const char *part) {
    return memmem(buffer->data, buffer->length, part, strlen(part)) != NULL;
}

static void *sort_many(void *sorter) {
    shiwake_buffer own = {0};
    for (int i = 0; i < 2000; i++) {
        CHECK(shiwake_sort_json(sorter, "t", LINE, sizeof LINE - 1, &own) == SHIWAKE_OK);
        CHECK(has(&own, "\"log_type\":\"audit\"") && has(&own, "\"n\":1.50"));
    }
    shiwake_buffer_free(&own);
    return NULL;
}

static void check_sorting(void) {
    shiwake_sorter *sorter = NULL;
    shiwake_buffer result = {0};
    CHECK(shiwake_sorter_new(NULL, 0, "[[rule]]\ntyp = 1", 16, &sorter) == SHIWAKE_INVALID_CONFIG && !sorter);
    CHECK(strstr(shiwake_last_error(), "rules:2:1"));
    const shiwake_property wrong[] = {{"dd_servise", "x"}};
    CHECK(shiwake_sorter_new(wrong, 1, NULL, 0, &sorter) == SHIWAKE_INVALID_CONFIG);
    CHECK(strstr(shiwake_last_error(), "did you mean 'dd_service'"));
    CHECK(shiwake_sorter_new(NULL, 1, NULL, 0, &sorter) == SHIWAKE_INVALID_ARGUMENT);
    CHECK(shiwake_sorter_new(NULL, 0, "\xff", 1, &sorter) == SHIWAKE_INVALID_ARGUMENT);
    CHECK(shiwake_sorter_new(NULL, 0, NULL, 0, NULL) == SHIWAKE_INVALID_ARGUMENT);

    const shiwake_property properties[] = {{"dd_service", "web"}};
    CHECK(shiwake_sorter_new(properties, 1, RULES, sizeof RULES - 1, &sorter) == SHIWAKE_OK);
    CHECK(shiwake_sort_json(sorter, NULL, LINE, sizeof LINE - 1, &result) == SHIWAKE_OK);
    CHECK(has(&result, "{\"log\":\"order 7 paid\",\"n\":1.50,") && has(&result, "\"team\":\"shop\""));
    CHECK(has(&result, "\"service\":\"web\""));
    CHECK(shiwake_sort_json(sorter, NULL, "{\"log\":\"GET /health\"}", 21, &result) == SHIWAKE_DROPPED && result.length == 0);
    CHECK(shiwake_sort_json(sorter, NULL, "no object", 9, &result) == SHIWAKE_OK && has(&result, "no object"));
    CHECK(shiwake_sort_json(sorter, NULL, NULL, 0, &result) == SHIWAKE_OK && result.length == 0);
    CHECK(shiwake_sort_json(sorter, NULL, NULL, 1, &result) == SHIWAKE_INVALID_ARGUMENT);
    CHECK(shiwake_sort_json(sorter, "\xff", LINE, 1, &result) == SHIWAKE_INVALID_ARGUMENT);
    CHECK(shiwake_sort_json(NULL, NULL, LINE, 1, &result) == SHIWAKE_INVALID_ARGUMENT);
    CHECK(shiwake_sort_json(sorter, NULL, LINE, 1, NULL) == SHIWAKE_INVALID_ARGUMENT);
    CHECK(strstr(shiwake_last_error(), "'result' is null"));

    /* [1700000000, {"log": "paid"}], and a byte that is no event. */
    const uint8_t chunk[] = "\x92\xce\x65\x53\xf1\x00\x81\xa3log\xa4paid\xc1";
    CHECK(shiwake_sort_chunk(sorter, "t", 1700000000, chunk, sizeof chunk - 1, &result) == SHIWAKE_OK);
    CHECK(has(&result, "audit") && has(&result, "quarantine"));

    pthread_t threads[4];
    for (int i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, sort_many, sorter) == 0);
    for (int i = 0; i < 4; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    shiwake_buffer_free(&result);
    CHECK(!result.data && !result.length);
    shiwake_buffer_free(&result);
    shiwake_buffer_free(NULL);
    shiwake_sorter_free(sorter);
    shiwake_sorter_free(NULL);
}

static int lines;
static void count_line(int level, const char *line, void *data) {
    CHECK(level >= SHIWAKE_LOG_ERROR && level <= SHIWAKE_LOG_DEBUG && *line && data == &lines);
    __atomic_add_fetch(&lines, 1, __ATOMIC_RELAXED);
}

static void check_lake(const char *folder) {
    shiwake_lake *lake = NULL;
    CHECK(shiwake_lake_open(NULL, NULL, 0, NULL, NULL, &lake) == SHIWAKE_INVALID_CONFIG && !lake);
    CHECK(strstr(shiwake_last_error(), "'lake' is not set"));
    const shiwake_property unusable[] = {{"lake", "/dev/null/lake"}};
    CHECK(shiwake_lake_open(NULL, unusable, 1, NULL, NULL, &lake) == SHIWAKE_CANNOT_START);
    const shiwake_property properties[] = {{"lake", folder}};
    CHECK(shiwake_lake_open("test", properties, 1, count_line, &lines, &lake) == SHIWAKE_OK);
    for (uint32_t i = 0; i < 100; i++) {
        char record[64];
        int length = snprintf(record, sizeof record, i % 2 ? "{\"n\":%u,\"log\":\"paid\"}" : "line %u", i);
        CHECK(shiwake_lake_write_record(lake, "app", 1700000000 + i, 0, record, (size_t)length) == SHIWAKE_OK);
    }
    const uint8_t chunk[] = "\x92\xce\x65\x53\xf1\x00\x81\xa3log\xa4paid\xc1";
    CHECK(shiwake_lake_write_chunk(lake, "app", chunk, sizeof chunk - 1) == SHIWAKE_OK);
    CHECK(shiwake_lake_write_chunk(lake, "app", NULL, 1) == SHIWAKE_INVALID_ARGUMENT);
    CHECK(shiwake_lake_write_chunk(NULL, "app", chunk, 1) == SHIWAKE_INVALID_ARGUMENT);
    shiwake_sums sums = {0};
    CHECK(shiwake_lake_sums(lake, &sums) == SHIWAKE_OK && sums.accepted == 102);
    CHECK(shiwake_lake_sums(lake, NULL) == SHIWAKE_INVALID_ARGUMENT);
    CHECK(shiwake_lake_close(lake, 60, &sums) == SHIWAKE_OK);
    CHECK(sums.accepted == 102 && sums.written == 101 && sums.quarantined == 1 && sums.pending == 0 && sums.dropped == 0);
    CHECK(lines > 0);
    CHECK(shiwake_lake_close(NULL, 0, NULL) == SHIWAKE_OK);
}

int main(int count, char **arguments) {
    CHECK(count == 2);
    CHECK(strchr(shiwake_version(), '.'));
    check_sorting();
    check_lake(arguments[1]);
    puts("ok");
    return 0;
}

/* Sorts the lines of standard input, prints each as JSON with what was found, and writes them to a lake.
 *
 *     cc sort.c -o sort $(pkg-config --cflags --libs shiwake)
 *     ./sort LAKE < app.log
 */
#include <shiwake.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void print_line(int level, const char *line, void *data) {
    (void)data;
    if (level <= SHIWAKE_LOG_WARN) fprintf(stderr, "%s\n", line);
}

static int fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, shiwake_last_error());
    return 1;
}

/* A line as a JSON object with the line under "log"; control characters and quotes are escaped. */
static size_t to_json(const char *line, char *json, size_t room) {
    size_t length = (size_t)snprintf(json, room, "{\"log\":\"");
    for (; *line && *line != '\n' && length + 9 < room; line++) {
        unsigned char byte = (unsigned char)*line;
        if (byte == '"' || byte == '\\') json[length++] = '\\';
        if (byte < ' ') length += (size_t)snprintf(json + length, room - length, "\\u%04x", byte);
        else json[length++] = (char)byte;
    }
    return length + (size_t)snprintf(json + length, room - length, "\"}");
}

int main(int count, char **arguments) {
    static char line[65536], json[400000];
    if (count != 2) return fprintf(stderr, "usage: sort LAKE < LOG\n"), 2;
    shiwake_sorter *sorter;
    if (shiwake_sorter_new(NULL, 0, NULL, 0, &sorter) != SHIWAKE_OK) return fail("sorter");
    const shiwake_property properties[] = {{"lake", arguments[1]}};
    shiwake_lake *lake;
    if (shiwake_lake_open("sort", properties, 1, print_line, NULL, &lake) != SHIWAKE_OK) {
        shiwake_sorter_free(sorter);
        return fail("lake");
    }
    shiwake_buffer sorted = {0};
    int status = 0;
    while (status == 0 && fgets(line, sizeof line, stdin)) {
        size_t length = to_json(line, json, sizeof json);
        int answer = shiwake_sort_json(sorter, "app", json, length, &sorted);
        if (answer == SHIWAKE_DROPPED) continue;
        if (answer != SHIWAKE_OK) { status = fail("sort"); break; }
        printf("%.*s\n", (int)sorted.length, (const char *)sorted.data);
        while ((answer = shiwake_lake_write_record(lake, "app", (uint32_t)time(NULL), 0, (const char *)sorted.data,
                                                   sorted.length)) == SHIWAKE_RETRY) {
            const struct timespec pause = {0, 50 * 1000 * 1000};
            nanosleep(&pause, NULL);
        }
        if (answer != SHIWAKE_OK) status = fail("write");
    }
    shiwake_sums sums;
    if (shiwake_lake_close(lake, 60, &sums) != SHIWAKE_OK) status = fail("close");
    fprintf(stderr, "%llu records in, %llu written\n", (unsigned long long)sums.accepted, (unsigned long long)sums.written);
    shiwake_buffer_free(&sorted);
    shiwake_sorter_free(sorter);
    return status;
}

/* Shiwake: sorts logs and writes each kind where it belongs. Made by cbindgen from c_api/src/capi; do not edit.
 *
 * A handle has one owner, and may be used by several threads. Nothing that is handed over is kept beyond the call but the log's
 * function. Results are written only when a function answers SHIWAKE_OK (or SHIWAKE_INCOMPLETE, for sums). What is wrong is said
 * in words by shiwake_last_error, of the same thread. Link with -lshiwake, or by `pkg-config --cflags --libs shiwake`.
 */

#ifndef SHIWAKE_H
#define SHIWAKE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

// Something is lost, or will not work without a change.
#define SHIWAKE_LOG_ERROR 1

// Something failed and is tried again.
#define SHIWAKE_LOG_WARN 2

// What happens in ordinary operation.
#define SHIWAKE_LOG_INFO 3

// For those who look into the library.
#define SHIWAKE_LOG_DEBUG 4

// Done.
#define SHIWAKE_OK 0

// A rule throws the record away: there is nothing in the buffer.
#define SHIWAKE_DROPPED 1

// Nothing was taken, for want of memory, of disk, or because the lake does not answer: keep it, and try again later.
#define SHIWAKE_RETRY 2

// A pointer is null that may not be, or text is not UTF-8.
#define SHIWAKE_INVALID_ARGUMENT 3

// A property or a rule is wrong.
#define SHIWAKE_INVALID_CONFIG 4

// The lake or the folder cannot be opened, or the system gives no thread.
#define SHIWAKE_CANNOT_START 5

// The time was not enough: what is not written is in `store_dir`, or lost when there is none.
#define SHIWAKE_INCOMPLETE 6

// Something that cannot happen: the handle answers nothing else any more, and can only be let go of.
#define SHIWAKE_INTERNAL 7

// Writes records to a lake.
typedef struct shiwake_lake shiwake_lake;

// Sorts records.
typedef struct shiwake_sorter shiwake_sorter;

// A property, as a plugin's section of Fluent Bit's configuration has it.
typedef struct shiwake_property {
  // Its name, ended by a zero byte.
  const char *name;
  // Its value, ended by a zero byte.
  const char *value;
} shiwake_property;

// Bytes of a result. Begin with all zero, give it to as many calls as you like, and let go of it with `shiwake_buffer_free`.
typedef struct shiwake_buffer {
  // The bytes; null when there was no result yet.
  uint8_t *data;
  // How many bytes there are.
  size_t length;
  // How much room there is. Not for you.
  size_t capacity;
} shiwake_buffer;

// Takes a line with its level; called by any thread until the lake is closed, also by several at once. The line lives for the
// time of the call.
typedef void (*shiwake_log_callback)(int level, const char *line, void *data);

// Where records are. `accepted` is the sum of the others.
typedef struct shiwake_sums {
  // Records that were taken.
  uint64_t accepted;
  // Of these, those that are in the lake.
  uint64_t written;
  // Those that are in the lake's quarantine.
  uint64_t quarantined;
  // Those that rules dropped.
  uint64_t dropped;
  // Those that wait, in memory or in `store_dir`.
  uint64_t pending;
} shiwake_sums;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// What was wrong with this thread's last call that failed, one line for each thing, and what would be right; never null, and
// valid until this thread's next call that fails.
const char *shiwake_last_error(void);

// Makes a sorter from the properties of the filter (`rules`, `dd_service`, `dd_tags`, ...) and from rules as text, or from the
// built-in rules when both have none.
//
// `properties` may be null when there are none, `rules` when there is no text; text goes before the property `rules`. The
// environment's `DD_SERVICE`, `DD_ENV`, `DD_VERSION` and `DD_TAGS` count as they do for the filter.
// Answers SHIWAKE_OK with the sorter, SHIWAKE_INVALID_ARGUMENT, or SHIWAKE_INVALID_CONFIG with a line for each thing that is wrong.
//
// # Safety
// `properties` has `property_count` entries with text; `rules` has `rules_length` bytes of UTF-8; `result` can be written to.
int shiwake_sorter_new(const struct shiwake_property *properties,
                       size_t property_count,
                       const char *rules,
                       size_t rules_length,
                       struct shiwake_sorter **result);

// Lets go of a sorter; null is allowed.
//
// # Safety
// `sorter` came from `shiwake_sorter_new` and is used by nobody any more.
void shiwake_sorter_free(struct shiwake_sorter *sorter);

// Sorts a chunk of MessagePack events as Fluent Bit has them
// (<https://github.com/fluent/fluent-bit/blob/master/DEVELOPER_GUIDE.md#messagepack>);
// `result` becomes the chunk with fields appended to its records, which is empty when rules drop all of them.
//
// Bytes that are no event become a record of the log type `quarantine` that keeps them. `seconds` is the time at which the chunk
// was received, since 1970 in UTC. Answers SHIWAKE_OK, SHIWAKE_INVALID_ARGUMENT or SHIWAKE_INTERNAL.
//
// # Safety
// `sorter` came from `shiwake_sorter_new`; `tag` is text or null; `chunk` has `chunk_length` bytes; `result` is a buffer.
int shiwake_sort_chunk(const struct shiwake_sorter *sorter,
                       const char *tag,
                       uint32_t seconds,
                       const uint8_t *chunk,
                       size_t chunk_length,
                       struct shiwake_buffer *result);

// Sorts a record that is a JSON object; `result` becomes its text as it came, with fields behind its own. Text that is no
// object comes out as it went in.
//
// Answers SHIWAKE_OK, SHIWAKE_DROPPED when a rule drops the record, SHIWAKE_INVALID_ARGUMENT or SHIWAKE_INTERNAL.
//
// # Safety
// `sorter` came from `shiwake_sorter_new`; `tag` is text or null; `json` has `json_length` bytes; `result` is a buffer.
int shiwake_sort_json(const struct shiwake_sorter *sorter,
                      const char *tag,
                      const char *json,
                      size_t json_length,
                      struct shiwake_buffer *result);

// The version, as in `0.1.0`. It lives as long as the process.
const char *shiwake_version(void);

// Lets go of a buffer's memory and makes it all zero; null is allowed.
//
// # Safety
// `buffer` is null or points to a buffer that began with all zero and was written by this library only.
void shiwake_buffer_free(struct shiwake_buffer *buffer);

// Opens a lake with the properties of the output (`lake`, `store_dir`, `rules`, ...). `name` tells it from others of the process
// that have the same `store_dir`, and finds what it left there; null is `lake`.
//
// `log` may be null. Answers SHIWAKE_OK with the lake, SHIWAKE_INVALID_ARGUMENT, SHIWAKE_INVALID_CONFIG or SHIWAKE_CANNOT_START.
//
// # Safety
// `name` is text or null; `properties` has `property_count` entries with text; `log` may be called with `log_data` by any
// thread until the lake is closed; `result` can be written to.
int shiwake_lake_open(const char *name,
                      const struct shiwake_property *properties,
                      size_t property_count,
                      shiwake_log_callback log,
                      void *log_data,
                      struct shiwake_lake **result);

// Takes a chunk of MessagePack events as Fluent Bit has them, sorted before or not. With SHIWAKE_OK all of it is taken, and as
// safe as `durability` says.
//
// Answers SHIWAKE_OK, SHIWAKE_RETRY when nothing was taken, SHIWAKE_INVALID_ARGUMENT or SHIWAKE_INTERNAL.
//
// # Safety
// `lake` came from `shiwake_lake_open`; `tag` is text or null; `chunk` has `chunk_length` bytes.
int shiwake_lake_write_chunk(const struct shiwake_lake *lake,
                             const char *tag,
                             const uint8_t *chunk,
                             size_t chunk_length);

// Takes one record: a JSON object, or else a line of a log. `seconds` and `nanoseconds` are its time, since 1970 in UTC.
//
// A call for each record costs more than a chunk of many. Answers as `shiwake_lake_write_chunk`.
//
// # Safety
// `lake` came from `shiwake_lake_open`; `tag` is text or null; `record` has `record_length` bytes.
int shiwake_lake_write_record(const struct shiwake_lake *lake,
                              const char *tag,
                              uint32_t seconds,
                              uint32_t nanoseconds,
                              const char *record,
                              size_t record_length);

// Tells where the records are that were taken so far. Answers SHIWAKE_OK, SHIWAKE_INVALID_ARGUMENT or SHIWAKE_INTERNAL.
//
// # Safety
// `lake` came from `shiwake_lake_open`; `result` can be written to.
int shiwake_lake_sums(const struct shiwake_lake *lake, struct shiwake_sums *result);

// Writes what is pending for so many seconds at most, ends all threads and lets go of the lake; null is allowed. `sums` may
// be null, or gets the last sums.
//
// Answers SHIWAKE_OK when nothing is pending, else SHIWAKE_INCOMPLETE: what is left is in `store_dir`, for the next time, or,
// without one, lost.
//
// # Safety
// `lake` came from `shiwake_lake_open` and is used by nobody any more; `sums` is null or can be written to.
int shiwake_lake_close(struct shiwake_lake *lake,
                       uint32_t seconds,
                       struct shiwake_sums *sums);

// What was wrong with this thread's last call that failed, one line for each thing, and what would be right; never null, and
// valid until this thread's next call that fails.
const char *shiwake_last_error(void);

// Makes a sorter from the properties of the filter (`rules`, `dd_service`, `dd_tags`, ...) and from rules as text, or from the
// built-in rules when both have none.
//
// `properties` may be null when there are none, `rules` when there is no text; text goes before the property `rules`. The
// environment's `DD_SERVICE`, `DD_ENV`, `DD_VERSION` and `DD_TAGS` count as they do for the filter.
// Answers SHIWAKE_OK with the sorter, SHIWAKE_INVALID_ARGUMENT, or SHIWAKE_INVALID_CONFIG with a line for each thing that is wrong.
//
// # Safety
// `properties` has `property_count` entries with text; `rules` has `rules_length` bytes of UTF-8; `result` can be written to.
int shiwake_sorter_new(const struct shiwake_property *properties,
                       size_t property_count,
                       const char *rules,
                       size_t rules_length,
                       struct shiwake_sorter **result);

// Lets go of a sorter; null is allowed.
//
// # Safety
// `sorter` came from `shiwake_sorter_new` and is used by nobody any more.
void shiwake_sorter_free(struct shiwake_sorter *sorter);

// Sorts a chunk of MessagePack events as Fluent Bit has them
// (<https://github.com/fluent/fluent-bit/blob/master/DEVELOPER_GUIDE.md#messagepack>);
// `result` becomes the chunk with fields appended to its records, which is empty when rules drop all of them.
//
// Bytes that are no event become a record of the log type `quarantine` that keeps them. `seconds` is the time at which the chunk
// was received, since 1970 in UTC. Answers SHIWAKE_OK, SHIWAKE_INVALID_ARGUMENT or SHIWAKE_INTERNAL.
//
// # Safety
// `sorter` came from `shiwake_sorter_new`; `tag` is text or null; `chunk` has `chunk_length` bytes; `result` is a buffer.
int shiwake_sort_chunk(const struct shiwake_sorter *sorter,
                       const char *tag,
                       uint32_t seconds,
                       const uint8_t *chunk,
                       size_t chunk_length,
                       struct shiwake_buffer *result);

// Sorts a record that is a JSON object; `result` becomes its text as it came, with fields behind its own. Text that is no
// object comes out as it went in.
//
// Answers SHIWAKE_OK, SHIWAKE_DROPPED when a rule drops the record, SHIWAKE_INVALID_ARGUMENT or SHIWAKE_INTERNAL.
//
// # Safety
// `sorter` came from `shiwake_sorter_new`; `tag` is text or null; `json` has `json_length` bytes; `result` is a buffer.
int shiwake_sort_json(const struct shiwake_sorter *sorter,
                      const char *tag,
                      const char *json,
                      size_t json_length,
                      struct shiwake_buffer *result);

// Opens a lake with the properties of the output (`lake`, `store_dir`, `rules`, ...). `name` tells it from others of the process
// that have the same `store_dir`, and finds what it left there; null is `lake`.
//
// `log` may be null. Answers SHIWAKE_OK with the lake, SHIWAKE_INVALID_ARGUMENT, SHIWAKE_INVALID_CONFIG or SHIWAKE_CANNOT_START.
//
// # Safety
// `name` is text or null; `properties` has `property_count` entries with text; `log` may be called with `log_data` by any
// thread until the lake is closed; `result` can be written to.
int shiwake_lake_open(const char *name,
                      const struct shiwake_property *properties,
                      size_t property_count,
                      shiwake_log_callback log,
                      void *log_data,
                      struct shiwake_lake **result);

// Takes a chunk of MessagePack events as Fluent Bit has them, sorted before or not. With SHIWAKE_OK all of it is taken, and as
// safe as `durability` says.
//
// Answers SHIWAKE_OK, SHIWAKE_RETRY when nothing was taken, SHIWAKE_INVALID_ARGUMENT or SHIWAKE_INTERNAL.
//
// # Safety
// `lake` came from `shiwake_lake_open`; `tag` is text or null; `chunk` has `chunk_length` bytes.
int shiwake_lake_write_chunk(const struct shiwake_lake *lake,
                             const char *tag,
                             const uint8_t *chunk,
                             size_t chunk_length);

// Takes one record: a JSON object, or else a line of a log. `seconds` and `nanoseconds` are its time, since 1970 in UTC.
//
// A call for each record costs more than a chunk of many. Answers as `shiwake_lake_write_chunk`.
//
// # Safety
// `lake` came from `shiwake_lake_open`; `tag` is text or null; `record` has `record_length` bytes.
int shiwake_lake_write_record(const struct shiwake_lake *lake,
                              const char *tag,
                              uint32_t seconds,
                              uint32_t nanoseconds,
                              const char *record,
                              size_t record_length);

// Tells where the records are that were taken so far. Answers SHIWAKE_OK, SHIWAKE_INVALID_ARGUMENT or SHIWAKE_INTERNAL.
//
// # Safety
// `lake` came from `shiwake_lake_open`; `result` can be written to.
int shiwake_lake_sums(const struct shiwake_lake *lake, struct shiwake_sums *result);

// Writes what is pending for so many seconds at most, ends all threads and lets go of the lake; null is allowed. `sums` may
// be null, or gets the last sums.
//
// Answers SHIWAKE_OK when nothing is pending, else SHIWAKE_INCOMPLETE: what is left is in `store_dir`, for the next time, or,
// without one, lost.
//
// # Safety
// `lake` came from `shiwake_lake_open` and is used by nobody any more; `sums` is null or can be written to.
int shiwake_lake_close(struct shiwake_lake *lake,
                       uint32_t seconds,
                       struct shiwake_sums *sums);

// Lets go of a buffer's memory and makes it all zero; null is allowed.
//
// # Safety
// `buffer` is null or points to a buffer that began with all zero and was written by this library only.
void shiwake_buffer_free(struct shiwake_buffer *buffer);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SHIWAKE_H */

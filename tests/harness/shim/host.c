/*
 * The functions a plugin looks up in its host, for one layout.
 *
 * Each is a thin door to a function of the harness, which hands its table over with
 * shiwake_harness_connect() before any plugin is loaded. Only what differs between hosts is chosen
 * here, by preprocessor symbols:
 *
 *   HOST_NAMES        accessors every known host exports, and metrics
 *   SERVICE_COLUMN    the table of [SERVICE] keys; see service.h
 *   HOST_EVENTS       what tells a host of the 4.x family and later apart, and the way to an
 *                     output's metrics
 *   HOST_HTTP_SERVER  what tells a host of the 5.x family apart
 *   LOG_FRAME_BYTES   stack that one log call takes in that host; it counts, because plugins log
 *                     from small stacks
 */

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef SERVICE_COLUMN
#include "service.h"
#endif

/* Stack that setting a metric takes in a host, most of it for the hash of its labels. */
#define METRIC_FRAME_BYTES 1024

enum { COUNTER = 0, GAUGE = 1 };

struct host_functions {
    void (*record_log)(int level, const char *text);
    const char *(*filter_get_property)(const char *key, void *instance);
    const char *(*output_get_property)(const char *key, void *instance);
    void (*filter_set_context)(void *instance, void *context);
    const char *(*filter_name)(void *instance);
    const char *(*output_name)(void *instance);
    const char *(*input_name)(void *instance);
    int (*output_log_check)(void *instance, int level);
    void *(*output_get_cmt_instance)(void *instance);
    void *(*metric_create)(int kind, void *context, const char *const *parts, int label_count,
                           char **label_names);
    int (*metric_set)(void *metric, double value, int label_count, char **labels);
};

static struct host_functions host;

void shiwake_harness_connect(const struct host_functions *functions)
{
    host = *functions;
}

void flb_log_print(int type, const char *file, int line, const char *fmt, ...)
{
    char text[LOG_FRAME_BYTES];
    va_list args;

    (void) file;
    (void) line;
    memset(text, 0, sizeof(text));
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    host.record_log(type, text);
}

#ifdef HOST_NAMES
const char *flb_filter_get_property(const char *key, void *instance)
{
    return host.filter_get_property(key, instance);
}

const char *flb_output_get_property(const char *key, void *instance)
{
    return host.output_get_property(key, instance);
}

void flb_filter_set_context(void *instance, void *context)
{
    host.filter_set_context(instance, context);
}

const char *flb_filter_name(void *instance)
{
    return host.filter_name(instance);
}

const char *flb_output_name(void *instance)
{
    return host.output_name(instance);
}

const char *flb_input_name(void *instance)
{
    return host.input_name(instance);
}

static int set_metric(void *metric, double value, int label_count, char **labels)
{
    volatile char frame[METRIC_FRAME_BYTES];

    memset((char *) frame, 0, sizeof(frame));
    return host.metric_set(metric, value, label_count, labels);
}

void *cmt_counter_create(void *context, char *ns, char *subsystem, char *name, char *help,
                         int label_count, char **label_names)
{
    const char *parts[] = {ns, subsystem, name, help};

    return host.metric_create(COUNTER, context, parts, label_count, label_names);
}

void *cmt_gauge_create(void *context, char *ns, char *subsystem, char *name, char *help,
                       int label_count, char **label_names)
{
    const char *parts[] = {ns, subsystem, name, help};

    return host.metric_create(GAUGE, context, parts, label_count, label_names);
}

int cmt_counter_set(void *counter, uint64_t timestamp, double value, int label_count, char **labels)
{
    (void) timestamp;
    return set_metric(counter, value, label_count, labels);
}

int cmt_gauge_set(void *gauge, uint64_t timestamp, double value, int label_count, char **labels)
{
    (void) timestamp;
    return set_metric(gauge, value, label_count, labels);
}
#endif

#if defined(HOST_EVENTS) || defined(HOST_HTTP_SERVER)
/* These exist to be found, not to be called: there is no engine behind them. */
static void refuse_call(const char *name)
{
    fprintf(stderr, "shiwake-harness: a plugin called %s, which has no engine behind it\n", name);
    abort();
}
#endif

#ifdef HOST_EVENTS
int flb_output_log_check(void *instance, int level)
{
    return host.output_log_check(instance, level);
}

void *flb_output_get_cmt_instance(void *instance)
{
    return host.output_get_cmt_instance(instance);
}

int flb_log_event_decoder_init(void *decoder, char *data, size_t bytes)
{
    (void) decoder;
    (void) data;
    (void) bytes;
    refuse_call(__func__);
    return -1;
}

int flb_proxy_output_cb_init(void *instance, void *config, void *data)
{
    (void) instance;
    (void) config;
    (void) data;
    refuse_call(__func__);
    return -1;
}
#endif

#ifdef HOST_HTTP_SERVER
void *flb_http_server_get_config_map(void *config)
{
    (void) config;
    refuse_call(__func__);
    return NULL;
}
#endif

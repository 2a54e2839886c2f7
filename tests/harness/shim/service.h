/*
 * The table that tells where in flb_config each key of [SERVICE] lies: struct flb_service_config, as
 * far as the harness sets these fields. SERVICE_COLUMN chooses the offsets: 1 for 1.9.10, 2 for
 * 4.2.8, 3 for 5.1.1.
 */

enum { CONF_INT = 0, CONF_DOUBLE = 1, CONF_BOOL = 2, CONF_STR = 3, CONF_OTHER = 4 };

struct service_config {
    const char *key;
    int type;
    size_t offset;
};

#define OFFSET(v1, v4, v5) (SERVICE_COLUMN == 1 ? v1 : SERVICE_COLUMN == 2 ? v4 : v5)

struct service_config service_configs[] = {
    {"Flush", CONF_DOUBLE, 88},
    {"Grace", CONF_INT, OFFSET(96, 96, 176)},
    {"Daemon", CONF_BOOL, OFFSET(108, 116, 196)},
    {"Log_File", CONF_STR, OFFSET(680, 856, 936)},
    {"Log_Level", CONF_STR, OFFSET(688, 864, 944)},
    {"HTTP_Server", CONF_BOOL, OFFSET(776, 952, 1108)},
    {"HTTP_Listen", CONF_STR, OFFSET(792, 968, 1120)},
    {"HTTP_Port", CONF_STR, OFFSET(784, 960, 1112)},
    {"Health_Check", CONF_BOOL, OFFSET(808, 984, 1136)},
    {"storage.metrics", CONF_BOOL, OFFSET(896, 1072, 1224)},
    {"storage.checksum", CONF_BOOL, OFFSET(900, 1076, 1228)},
    {"Coro_Stack_Size", CONF_INT, OFFSET(992, 1280, 1448)},
    {"scheduler.cap", CONF_INT, OFFSET(2048, 2352, 2520)},
    {"scheduler.base", CONF_INT, OFFSET(2052, 2356, 2524)},
    {NULL, CONF_OTHER, 0},
};

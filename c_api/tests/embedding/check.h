/* What the C tests share. */
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                                  \
    do {                                                                                                  \
        if (!(condition)) {                                                                               \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, shiwake_last_error());     \
            exit(1);                                                                                      \
        }                                                                                                 \
    } while (0)

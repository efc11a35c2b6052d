/* Runs the functions of text.c on what a test sends: lines of a letter and bytes in hex; answers each in hex, or `-`. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

static void answer(bool is_valid, struct buffer *result) {
    if (is_valid)
        for (size_t i = 0; i < result->size; i++)
            printf("%02x", (unsigned char)result->at[i]);
    puts(is_valid ? "" : "-");
    clear(result);
}

/* The bytes of a line in memory of exactly their size, so that AddressSanitizer sees every access behind them. */
static struct span decode(const char *hex) {
    size_t size = strcspn(hex, "\n") / 2;
    char *bytes = malloc(size == 0 ? 1 : size);
    for (size_t i = 0; i < size; i++) {
        unsigned byte;
        sscanf(hex + 2 * i, "%2x", &byte);
        bytes[i] = (char)byte;
    }
    return (struct span){bytes, size};
}

int main(void) {
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        struct span text = decode(line + 1), found, element = {0};
        struct buffer result = {0}, copy = {0};
        bool is_valid = true;
        put(&copy, "%n", text);
        switch (line[0]) {
        case 'q': put(&result, "%j", text); break;
        case 'f': put(&result, "%f", strtod(terminated(&copy), NULL)); break;
        case 'u': is_valid = is_utf8(text); break;
        case 'w': is_valid = is_blank(text); break;
        case 'h': add_harmless_json(&result, text); break;
        case 'b': is_valid = add_base64(&result, text); break;
        case 'j': is_valid = is_json(text); break;
        case 's': is_valid = is_json(text) && find_string(text, "a.b", &result); break;
        case 'e':
            for (is_valid = is_json(text) && find(text, "a", &found); is_valid && next_element(found, &element);)
                put(&result, "%n\n", element);
            break;
        default: return 2;
        }
        answer(is_valid, &result);
        clear(&copy);
        free((void *)text.at);
    }
    free(line);
    return 0;
}

/* Reads a request, one line of JSON that json.dumps has written: strings are decoded where they are, because none
   becomes longer. It stands for what forkserver.py reads with json. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "supervise.h"

struct reader {
    char *at;          /* NULL after anything invalid */
    char **next_array; /* where the pointers of the next array go */
    bool has_null;     /* a string has a zero byte, which no argument may have */
};

static bool take(struct reader *from, const char *word) {
    if (from->at == NULL || strncmp(from->at, word, strlen(word)) != 0)
        return false;
    from->at += strlen(word);
    from->at += *from->at == ' ';
    return true;
}

/* The code of \uXXXX at `at`; NONE where there is none. */
static int escaped_unit(const char *at) {
    int code = 0;
    if (at[0] != '\\' || at[1] != 'u')
        return NONE;
    for (int i = 2; i < 6; i++) {
        const char *digits = "0123456789abcdef", *found = at[i] == '\0' ? NULL : strchr(digits, at[i] | 0x20);
        if (found == NULL)
            return NONE;
        code = code << 4 | (int)(found - digits);
    }
    return code;
}

/* A character as UTF-8; a lone surrogate from U+DC80 to U+DCFF is the byte that Python could not decode. */
static char *put_character(char *to, int code) {
    if (code >= 0xDC80 && code <= 0xDCFF) {
        *to++ = (char)(code & 0xFF);
        return to;
    }
    int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const int first[] = {0, 0xC0, 0xE0, 0xF0};
    *to++ = (char)(first[more] | code >> 6 * more);
    while (more-- > 0)
        *to++ = (char)(0x80 | ((code >> 6 * more) & 0x3F));
    return to;
}

/* A string, decoded to `to`, which is at or before it; returns its end there, which has a zero byte. */
static char *take_string(struct reader *from, char *to) {
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    if (from->at == NULL || *from->at != '"') {
        from->at = NULL;
        return to;
    }
    const char *at = from->at + 1;
    while (*at != '"' && *at != '\0') {
        int code = escaped_unit(at);
        const char *letter = *at == '\\' && code == NONE ? strchr(letters, at[1]) : NULL;
        if (code != NONE) {
            int low = code >= 0xD800 && code < 0xDC00 ? escaped_unit(at + 6) : NONE;
            if (low >= 0xDC00 && low < 0xE000) {
                code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
                at += 6;
            }
            from->has_null |= code == 0;
            to = put_character(to, code);
            at += 6;
        } else if (letter != NULL && *letter != '\0') {
            *to++ = meanings[letter - letters];
            at += 2;
        } else {
            *to++ = *at++;
        }
    }
    from->at = *at == '"' ? (char *)at + 1 : NULL;
    *to = '\0';
    return to;
}

static struct text_of take_text(struct reader *from) {
    char *begin = from->at;
    if (take(from, "null"))
        return (struct text_of){0};
    char *end = take_string(from, begin);
    return (struct text_of){begin, (size_t)(end - begin)};
}

/* A list of strings, or an object of them, of which each becomes NAME=VALUE. */
static char **take_strings(struct reader *from, char close) {
    char **first = from->next_array, **next = first;
    from->at += from->at != NULL; /* the bracket */
    while (from->at != NULL && *from->at != close) {
        char *begin = *next++ = from->at, *end = take_string(from, begin);
        if (close == '}' && take(from, ":")) {
            *end = '=';
            take_string(from, end + 1);
        }
        if (from->at != NULL && *from->at != close && !take(from, ","))
            from->at = NULL;
    }
    *next++ = NULL;
    from->next_array = next;
    from->at += from->at != NULL;
    return first;
}

static double take_number(struct reader *from) {
    char *end = from->at;
    if (from->at == NULL || take(from, "null"))
        return NONE;
    double value = strtod(from->at, &end);
    from->at = end == from->at ? NULL : end;
    return value;
}

static long long take_integer(struct reader *from) {
    char *end = from->at;
    if (from->at == NULL || take(from, "null"))
        return NONE;
    long long value = strtoll(from->at, &end, 10);
    from->at = end == from->at ? NULL : end;
    return value;
}

static bool take_flag(struct reader *from) {
    bool value = take(from, "true");
    if (!value && !take(from, "false"))
        from->at = NULL;
    return value;
}

static void take_members(struct reader *from, struct request *to);

static void take_member(struct reader *from, const char *name, struct request *to) {
    bool had_null = from->has_null;
    if (strcmp(name, "job") == 0)
        to->job = take_text(from).at;
    else if (strcmp(name, "attempt") == 0)
        to->attempt = take_integer(from);
    else if (strcmp(name, "directory") == 0)
        to->directory = take_text(from).at;
    else if (strcmp(name, "argv") == 0)
        to->argv = take_strings(from, ']');
    else if (strcmp(name, "env") == 0)
        to->env = take_strings(from, '}');
    else if (strcmp(name, "cwd") == 0)
        to->cwd = take_text(from).at;
    else if (strcmp(name, "prompt") == 0 || strcmp(name, "first_line") == 0) {
        *(*name == 'p' ? &to->prompt : &to->first_line) = take_text(from);
        from->has_null = had_null; /* what is written into a file may have any byte */
    } else if (strcmp(name, "stdin_prompt") == 0)
        to->stdin_prompt = take_flag(from);
    else if (strcmp(name, "merge_stderr") == 0)
        to->merge_stderr = take_flag(from);
    else if (strcmp(name, "keep_children") == 0)
        to->keep_children = take_flag(from);
    else if (strcmp(name, "grace_s") == 0)
        to->grace_s = take_number(from);
    else if (strcmp(name, "max_log_bytes") == 0)
        to->max_log_bytes = take_integer(from);
    else if (strcmp(name, "umask") == 0)
        to->umask = take_integer(from);
    else if (strcmp(name, "nice") == 0)
        to->nice = take_integer(from);
    else if (strcmp(name, "max_memory_bytes") == 0)
        to->max_memory_bytes = take_integer(from);
    else if (strcmp(name, "max_processes") == 0)
        to->max_processes = take_integer(from);
    else if (strcmp(name, "max_cpus") == 0)
        to->max_cpus = take_number(from);
    else if (strcmp(name, "bounds") == 0 && !to->has_bounds && !take(from, "null")) {
        to->has_bounds = true; /* so that they are not nested */
        take_members(from, to);
    } else if (strcmp(name, "bounds") != 0 || to->has_bounds)
        from->at = NULL; /* the daemon and its fork server have the same version */
}

static void take_members(struct reader *from, struct request *to) {
    if (!take(from, "{"))
        from->at = NULL;
    while (from->at != NULL && *from->at != '}') {
        char *name = from->at;
        take_string(from, name);
        if (take(from, ":"))
            take_member(from, name, to);
        if (from->at != NULL && *from->at != '}' && !take(from, ","))
            from->at = NULL;
    }
    from->at += from->at != NULL;
}

bool read_request(const char *line, size_t size, struct request *request) {
    size_t strings = 4, pointers_at = (size + 1 + 15) / 16 * 16;
    for (size_t i = 0; i < size; i++)
        strings += line[i] == '"';
    size_t whole = pointers_at + strings * sizeof(char *);
    char *memory = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    memcpy(memory, line, size);
    *request = (struct request){.memory = memory, .memory_size = whole, .umask = NONE};
    struct reader from = {.at = memory, .next_array = (char **)(void *)(memory + pointers_at)};
    request->max_memory_bytes = request->max_processes = NONE;
    request->max_cpus = NONE;
    take_members(&from, request);
    request->has_null = from.has_null;
    return from.at != NULL && request->job != NULL && request->directory != NULL && request->cwd != NULL &&
           request->argv != NULL && request->argv[0] != NULL && request->env != NULL && request->prompt.at != NULL;
}

void forget_request(struct request *request) {
    munmap(request->memory, request->memory_size);
}

void keep_job_only(struct request *request) {
    char *job = strdup(request->job);
    if (job != NULL) {
        forget_request(request);
        request->job = job;
    }
}

/* JSON that is written, errors for the user, and the files of an attempt. See attempt_files.py. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "supervise.h"

enum { MAX_ERROR_CHARS = 300, SEND_TIMEOUT_MS = 1000 };

void put(struct record *record, const char *format, ...) {
    va_list values;
    va_start(values, format);
    int size = vsnprintf(record->at + record->size, RECORD_BYTES - record->size, format, values);
    va_end(values);
    if (size < 0 || (size_t)size >= RECORD_BYTES - record->size)
        abort(); /* every text in a record is clipped */
    record->size += (size_t)size;
}

/* The length of a character of UTF-8, 0 where there is none. */
static size_t character(const char *at) {
    unsigned char first = (unsigned char)*at;
    size_t size = first < 0x80 ? 1 : first >= 0xC2 && first < 0xE0 ? 2 : (first & 0xF0) == 0xE0 ? 3 : first >= 0xF0 && first < 0xF5 ? 4 : 0;
    for (size_t i = 1; i < size; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    unsigned char second = size > 2 ? (unsigned char)at[1] : 0;
    bool is_bad = (first == 0xE0 && second < 0xA0) || (first == 0xED && second >= 0xA0) ||
                  (first == 0xF0 && second < 0x90) || (first == 0xF4 && second >= 0x90);
    return is_bad ? 0 : size;
}

void put_string(struct record *record, const char *text) {
    put(record, "\"");
    for (int count = 0; *text != '\0' && count < MAX_ERROR_CHARS; count++) {
        size_t size = character(text);
        if (size == 0) {
            put(record, "\\\\udc%02x", (unsigned char)*text);
            count += 5;
            size = 1;
        } else if (*text == '"' || *text == '\\') {
            put(record, "\\%c", *text);
        } else if ((unsigned char)*text < ' ') {
            put(record, "\\u%04x", *text);
        } else {
            put(record, "%.*s", (int)size, text);
        }
        text += size;
    }
    put(record, "\"");
}

bool fail_with(struct failure *failure, int code, const char *format, ...) {
    va_list values;
    va_start(values, format);
    vsnprintf(failure->text, sizeof failure->text, format, values);
    va_end(values);
    failure->code = code;
    return false;
}

bool fail(struct failure *failure, const char *before, const char *file) {
    int code = errno;
    if (file == NULL)
        return fail_with(failure, code, "%s%s", before, strerror(code));
    return fail_with(failure, code, "%s%s: %s", before, file, strerror(code));
}

bool is_shortage(int code) {
    return code == ENOSPC || code == EDQUOT || code == EROFS || code == EAGAIN || code == ENOMEM || code == EMFILE ||
           code == ENFILE || code == ENOLCK;
}

bool send_reply(const struct request *request, const char *fields) {
    struct record line = {.size = 0};
    put(&line, "{\"job\": ");
    put_string(&line, request->job);
    put(&line, ", \"attempt\": %lld%s}\n", request->attempt, fields);
    double deadline = seconds(CLOCK_MONOTONIC) + SEND_TIMEOUT_MS / 1000.0;
    while (write(REPLIES, line.at, line.size) < 0) {
        if (errno != EAGAIN && errno != EINTR)
            return true; /* nobody reads */
        int left_ms = (int)((deadline - seconds(CLOCK_MONOTONIC)) * 1000);
        struct pollfd room = {.fd = REPLIES, .events = POLLOUT};
        if (left_ms <= 0 || poll(&room, 1, left_ms) == 0)
            return false;
    }
    return true;
}

void send_error(const struct request *request, const struct failure *failure) {
    struct record fields = {.size = 0};
    put(&fields, ", \"shortage\": %s, \"error\": ", is_shortage(failure->code) ? "true" : "false");
    put_string(&fields, failure->text);
    send_reply(request, fields.at);
}

int open_directory(const char *path) {
    return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int make_directory(const char *path) {
    while (mkdir(path, 0700) != 0) {
        char parent[4096];
        const char *slash = strrchr(path, '/');
        if (errno != ENOENT || slash == NULL || (size_t)(slash - path) >= sizeof parent)
            return NONE;
        snprintf(parent, sizeof parent, "%.*s", (int)(slash - path), path);
        if (mkdir(parent, 0700) != 0 && errno != EEXIST)
            return NONE;
    }
    return open_directory(path);
}

int open_regular(int directory, const char *name, int flags) {
    struct stat found;
    int fd = openat(directory, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (fd >= 0 && (fstat(fd, &found) != 0 || !S_ISREG(found.st_mode))) {
        close(fd);
        errno = EINVAL;
        return NONE;
    }
    return fd;
}

bool write_all(int fd, const char *content, size_t size) {
    while (size > 0) {
        ssize_t written = write(fd, content, size);
        if (written < 0)
            return false;
        content += written;
        size -= (size_t)written;
    }
    return true;
}

bool write_file(const char *path, const char *value) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool is_written = write(fd, value, strlen(value)) >= 0;
    int code = errno;
    close(fd);
    errno = code;
    return is_written;
}

size_t read_file(const char *path, char *content, size_t room) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t more = 1;
    size_t size = 0;
    while (fd >= 0 && size < room - 1 && (more = read(fd, content + size, room - 1 - size)) > 0)
        size += (size_t)more;
    if (fd >= 0)
        close(fd);
    content[size] = '\0';
    return size;
}

double seconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

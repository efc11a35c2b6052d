/* Text: growing buffers, UTF-8, and JSON. Knows nothing of luzia but its tables of characters. */
#include "text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tables.h"

enum { DEPTH = 64, INVALID = -1 };

/* Buffers */

char *reserve(struct buffer *to, size_t more) {
    if (more > to->room - to->size) {
        size_t room = 2 * to->room > to->size + more ? 2 * to->room : to->size + more + 256;
        char *at = realloc(to->at, room);
        if (at == NULL) {
            fputs("luzia: out of memory\n", stderr);
            exit(EXIT_BUG);
        }
        *to = (struct buffer){at, to->size, room};
    }
    return to->at + to->size;
}

void add(struct buffer *to, const void *bytes, size_t size) {
    if (size != 0)
        memcpy(reserve(to, size), bytes, size);
    to->size += size;
}

char *terminated(struct buffer *text) {
    *reserve(text, 1) = '\0';
    return text->at;
}

void clear(struct buffer *text) {
    free(text->at);
    *text = (struct buffer){0};
}

/* Characters */

struct span span_of(const char *text) {
    return (struct span){text, strlen(text)};
}

bool equals(struct span text, const char *other) {
    return text.size == strlen(other) && memcmp(text.at, other, text.size) == 0;
}

/* The character at `*at`, which moves behind it; INVALID where the bytes are not UTF-8. */
static int next_character(const char **at, const char *end) {
    static const int smallest[] = {0, 0x80, 0x800, 0x10000};
    int first = (unsigned char)**at, more = first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
    if (first < 0x80) {
        ++*at;
        return first;
    }
    if (first < 0xC2 || first > 0xF4 || end - *at <= more)
        return INVALID;
    int code = first & (0x3F >> more);
    for (int i = 1; i <= more; i++) {
        int byte = (unsigned char)(*at)[i];
        if ((byte & 0xC0) != 0x80)
            return INVALID;
        code = code << 6 | (byte & 0x3F);
    }
    *at += more + 1;
    return code < smallest[more] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF) ? INVALID : code;
}

static bool is_in(int code, const int ranges[][2], size_t count) {
    for (size_t i = 0; i < count && ranges[i][0] <= code; i++)
        if (code <= ranges[i][1])
            return true;
    return false;
}

#define IS_IN(code, ranges) is_in(code, ranges, sizeof(ranges) / sizeof *(ranges))

bool is_utf8(struct span text) {
    for (const char *at = text.at, *end = at + text.size; at < end;)
        if (next_character(&at, end) == INVALID)
            return false;
    return true;
}

bool is_blank(struct span text) {
    for (const char *at = text.at, *end = at + text.size; at < end;)
        if (!IS_IN(next_character(&at, end), WHITE_SPACE))
            return false;
    return true;
}

bool is_plain(struct span text) {
    size_t count = 0;
    while (count < text.size && text.at[count] >= ' ' && text.at[count] <= '~')
        count++;
    return count == text.size;
}

/* Writing */

static void add_escaped(struct buffer *to, int code) {
    snprintf(reserve(to, 7), 7, "\\u%04x", (unsigned)code & 0xFFFF);
    to->size += 6;
}

static void add_string(struct buffer *to, struct span text) {
    static const char special[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *start = text.at, *end = start + text.size;
    add(to, "\"", 1);
    for (const char *at = start; at < end; at++) {
        if ((unsigned char)*at >= ' ' && *at != '"' && *at != '\\')
            continue;
        add(to, start, (size_t)(at - start));
        start = at + 1;
        const char *found = *at == '\0' ? NULL : strchr(special, *at);
        if (found != NULL)
            add(to, (char[]){'\\', letters[found - special]}, 2);
        else
            add_escaped(to, *at);
    }
    add(to, start, (size_t)(end - start));
    add(to, "\"", 1);
}

/* The fewest digits that give the same value, written as repr() does. */
static void add_float(struct buffer *to, double value) {
    char text[40];
    int precision = 0;
    do
        snprintf(text, sizeof text, "%.*e", precision, value);
    while (strtod(text, NULL) != value && ++precision < 17);
    int exponent = atoi(strchr(text, 'e') + 1), decimals = precision - exponent;
    if (exponent >= -4 && exponent < 16)
        snprintf(text, sizeof text, "%.*f", decimals > 0 ? decimals : 1, value);
    add(to, text, strlen(text));
}

void put(struct buffer *to, const char *format, ...) {
    va_list values;
    va_start(values, format);
    for (const char *percent; (percent = strchr(format, '%')) != NULL; format = percent + 2) {
        struct span text = {0};
        add(to, format, (size_t)(percent - format));
        if (percent[1] == 's' || percent[1] == 'q')
            text = span_of(va_arg(values, const char *));
        else if (percent[1] == 'n' || percent[1] == 'j')
            text = va_arg(values, struct span);
        if (percent[1] == 'f')
            add_float(to, va_arg(values, double));
        else if (percent[1] == 'd')
            to->size += (size_t)snprintf(reserve(to, 24), 24, "%lld", va_arg(values, long long));
        else if (percent[1] == 'q' || percent[1] == 'j')
            add_string(to, text);
        else
            add(to, text.at, text.size);
    }
    add(to, format, strlen(format));
    va_end(values);
}

void add_harmless_json(struct buffer *to, struct span json) {
    for (const char *at = json.at, *end = at + json.size, *begin = at; at < end; begin = at) {
        int code = next_character(&at, end);
        if (IS_IN(code, UNSAFE))
            add_escaped(to, code);
        else
            add(to, begin, (size_t)(at - begin));
    }
}

bool add_base64(struct buffer *to, struct span text) {
    static const char alphabet[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *out = reserve(to, text.size), values[256];
    size_t size = text.size;
    unsigned bits = 0;
    memset(values, 64, sizeof values);
    for (char i = 0; i < 64; i++)
        values[(unsigned char)alphabet[(int)i]] = i;
    while (size > 0 && text.size - size < 2 && text.at[size - 1] == '=')
        size--;
    for (size_t i = 0; i < size; i++) {
        bits = bits << 6 | (unsigned char)values[(unsigned char)text.at[i]];
        if (values[(unsigned char)text.at[i]] == 64)
            return false;
        if (i % 4 != 0)
            *out++ = (char)(bits >> (6 - 2 * (i % 4)));
    }
    to->size = (size_t)(out - to->at);
    return text.size % 4 == 0;
}

/* Reading JSON: each function takes where something begins, and returns where it ends; NULL where it is invalid. */

static const char *skip(const char *at, const char *end, const char *characters) {
    while (at != NULL && at < end && *at != '\0' && strchr(characters, *at) != NULL)
        at++;
    return at;
}

#define SPACE " \t\n\r"
#define DIGITS "0123456789"

bool is_harmless(struct span text, bool *has_colour) {
    *has_colour = false;
    for (const char *at = text.at, *end = at + text.size, *behind; at < end;) {
        bool is_colour = end - at > 2 && at[0] == '\x1b' && at[1] == '['
                         && (behind = skip(at + 2, end, DIGITS ";:")) < end && *behind == 'm';
        *has_colour = *has_colour || is_colour;
        if (is_colour || *at == '\t' || *at == '\n' || *at == '\r') {
            at = is_colour ? behind + 1 : at + 1;
            continue;
        }
        int code = next_character(&at, end);
        if (code == INVALID || IS_IN(code, UNSAFE))
            return false;
    }
    return true;
}

static const char *scan_string(const char *at, const char *end) {
    if (at == NULL || at == end || *at != '"')
        return NULL;
    for (at++; at < end && *at != '"'; at++) {
        if ((unsigned char)*at < ' ')
            return NULL;
        if (*at != '\\')
            continue;
        if (++at == end || *at == '\0' || strchr("\"\\/bfnrtu", *at) == NULL)
            return NULL;
        if (*at == 'u') {
            if (end - at < 5 || skip(at + 1, at + 5, DIGITS "abcdefABCDEF") != at + 5)
                return NULL;
            at += 4;
        }
    }
    return at == end ? NULL : at + 1;
}

static const char *scan_digits(const char *at, const char *end) {
    const char *behind = skip(at, end, DIGITS);
    return behind == at ? NULL : behind;
}

static const char *scan_number(const char *at, const char *end) {
    at += at < end && *at == '-';
    at = at < end && *at == '0' ? at + 1 : scan_digits(at, end);
    if (at != NULL && at < end && *at == '.')
        at = scan_digits(at + 1, end);
    if (at == NULL || at == end || (*at | 0x20) != 'e')
        return at;
    at++;
    return scan_digits(at + (at < end && (*at == '+' || *at == '-')), end);
}

static const char *scan_value(const char *at, const char *end, int depth);

/* An object or an array. wanted: the name of a member; the last one of this name becomes `*found`. */
static const char *scan_collection(const char *at, const char *end, int depth, struct span wanted, struct span *found) {
    char close = *at == '{' ? '}' : ']', next = ',';
    at = skip(at + 1, end, SPACE);
    if (at < end && *at == close)
        return at + 1;
    while (next == ',') {
        const char *name = at = skip(at, end, SPACE);
        if (close == '}') {
            const char *behind = scan_string(at, end);
            at = skip(behind, end, SPACE);
            at = at == NULL || at == end || *at != ':' ? NULL : skip(at + 1, end, SPACE);
            if (at != NULL && (size_t)(behind - name) == wanted.size + 2 && memcmp(name + 1, wanted.at, wanted.size) == 0)
                found->at = at;
        }
        const char *begin = at;
        at = scan_value(begin, end, depth - 1);
        if (at != NULL && found != NULL && found->at == begin)
            found->size = (size_t)(at - begin);
        at = skip(at, end, SPACE);
        next = at == NULL || at == end ? '\0' : *at++;
    }
    return next == close ? at : NULL;
}

static const char *scan_value(const char *at, const char *end, int depth) {
    if (at == NULL || at == end || depth == 0)
        return NULL;
    if (*at == '{' || *at == '[')
        return scan_collection(at, end, depth, (struct span){"", SIZE_MAX - 2}, NULL);
    if (*at == '"')
        return scan_string(at, end);
    const char *word = *at == 't' ? "true" : *at == 'f' ? "false" : *at == 'n' ? "null" : NULL;
    if (word == NULL)
        return scan_number(at, end);
    return (size_t)(end - at) >= strlen(word) && memcmp(at, word, strlen(word)) == 0 ? at + strlen(word) : NULL;
}

bool is_json(struct span text) {
    const char *end = text.at + text.size;
    return skip(scan_value(skip(text.at, end, SPACE), end, DEPTH), end, SPACE) == end && is_utf8(text);
}

bool find(struct span object, const char *path, struct span *found) {
    for (*found = object;;) {
        struct span name = {path, strcspn(path, ".")};
        const char *end = found->at + found->size, *at = skip(found->at, end, SPACE);
        *found = (struct span){0};
        if (at == end || *at != '{' || scan_collection(at, end, DEPTH, name, found) == NULL || found->at == NULL)
            return false;
        if (path[name.size] == '\0')
            return true;
        path += name.size + 1;
    }
}

bool find_string(struct span object, const char *path, struct buffer *to) {
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    struct span found;
    if (!find(object, path, &found) || *found.at != '"' || !is_utf8(found))
        return false;
    for (const char *at = found.at + 1, *end = found.at + found.size - 1, *start = at;; start = ++at) {
        while (at < end && *at != '\\')
            at++;
        add(to, start, (size_t)(at - start));
        if (at == end)
            return true;
        const char *letter = strchr(letters, *++at);
        if (letter == NULL)
            return false;
        add(to, &meanings[letter - letters], 1);
    }
}

bool find_integer(struct span object, const char *path, long long *to) {
    struct span found;
    char digits[20] = "";
    if (!find(object, path, &found) || found.size >= sizeof digits)
        return false;
    memcpy(digits, found.at, found.size);
    *to = strtoll(digits, NULL, 10);
    return strspn(digits, "-" DIGITS) == found.size;
}

bool has(struct span object, const char *path, const char *json) {
    struct span found;
    return find(object, path, &found) && equals(found, json);
}

bool next_element(struct span array, struct span *element) {
    const char *end = array.at + array.size, *at = element->at == NULL ? array.at : element->at + element->size;
    at = skip(at, end, SPACE);
    const char *begin = at == end || *at != (element->at == NULL ? '[' : ',') ? NULL : skip(at + 1, end, SPACE);
    const char *behind = scan_value(begin, end, DEPTH);
    *element = (struct span){begin, behind == NULL ? 0 : (size_t)(behind - begin)};
    return behind != NULL;
}

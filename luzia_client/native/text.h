/* Text: growing buffers, UTF-8, and JSON as Python's json module writes and reads it. */
#ifndef LUZIA_TEXT_H
#define LUZIA_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* A part of a text that belongs to somebody else. */
struct span {
    const char *at;
    size_t size;
};

/* Bytes that grow. Running out of memory ends the program. */
struct buffer {
    char *at;
    size_t size;
    size_t room;
};

#define SPAN(buffer) ((struct span){(buffer).at, (buffer).size})

/* Add a format: %s a C string, %n a span, %d a long long, %f a double as json.dumps(value), and %q and %j a C string
   and a span as JSON strings, as json.dumps(text, ensure_ascii=False). */
void put(struct buffer *to, const char *format, ...);
void add(struct buffer *to, const void *bytes, size_t size);
char *reserve(struct buffer *to, size_t more); /* room for `more` bytes behind the content */
char *terminated(struct buffer *text);         /* the content as a C string */
void clear(struct buffer *text);

struct span span_of(const char *text);
bool equals(struct span text, const char *other);
bool is_utf8(struct span text);
bool is_blank(struct span text); /* nothing but white space; `text` is UTF-8 */
bool is_plain(struct span text); /* nothing but printable ASCII characters */
bool is_harmless(struct span text, bool *has_colour); /* whether a terminal shows it as it is, with line ends and tabs */

void add_harmless_json(struct buffer *to, struct span json); /* with all control characters escaped */
bool add_base64(struct buffer *to, struct span text);        /* the bytes that are encoded */

/* Reading JSON. A path such as "job.state" names a member of a member of an object. The functions return false for
   what is missing, of another type, or invalid. */
bool is_json(struct span text);
bool find(struct span object, const char *path, struct span *found);
bool find_string(struct span object, const char *path, struct buffer *to); /* false also for an escape like \u0007 */
bool find_integer(struct span object, const char *path, long long *to);
bool has(struct span object, const char *path, const char *json);
bool next_element(struct span array, struct span *element); /* the first one when element->at is NULL */

#endif

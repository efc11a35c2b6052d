/* luzia without an interpreter: the commands that shells, scripts and agents run by the thousand.

   It does what is usual, and hands everything else over to luzia-py, the Python program beside it, by exec with the
   same arguments: other commands, errors, unusual spellings, a daemon that is not running. So nobody can tell which of
   them has answered, and every message exists once. A request that was sent is not sent again: the Python program gets
   its answer, or learns that there was none (answered.py). Its tables are those of the Python program (tables.h). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tables.h"
#include "text.h"

#define COUNT_OF(table) (sizeof(table) / sizeof *(table))
#define SYSTEM_SOCKET SYSTEM_RUNTIME_DIR "/luzia.sock"
#ifndef SOURCE_TREE
#define SOURCE_TREE "" /* of an editable installation: more directories with modules, as Python writes them */
#endif
#define WORDS(...) ((const char *[]){__VA_ARGS__, NULL})

extern char **environ;

/* Handing over */

static char **all_words;          /* those behind the program's name, NULL at the end */
static struct buffer stdin_text;  /* what was read of stdin, for the Python program to read again */
static struct buffer out;         /* what is to be printed */
static void (*old_sigpipe)(int) = SIG_DFL;

static bool is_one_of(struct span word, const char *const *table, size_t count) {
    while (count > 0 && !equals(word, table[count - 1]))
        count--;
    return count > 0;
}

static int memory_file(struct span content) {
    int fd = memfd_create("luzia", 0);
    for (size_t done = 0; fd >= 0 && done < content.size;) {
        ssize_t written = write(fd, content.at + done, content.size - done);
        if (written <= 0)
            break;
        done += (size_t)written;
    }
    lseek(fd, 0, SEEK_SET);
    return fd;
}

/* How a short command starts Python: without the module site, which takes a quarter of its time (start.py). */
static char START[] = "import sys\n"
                      "del sys.argv[0]\n"
                      "home = sys.argv[0].rpartition('/bin/')[0]\n"
                      "sys.path += '%s/lib/python%d.%d/site-packages' % (home, *sys.version_info[:2])," SOURCE_TREE "\n"
                      "try:\n"
                      "    from luzia_client.cli.main import main\n"
                      "except ImportError:\n"
                      "    __import__('site').main()\n"
                      "    from luzia_client.cli.main import main\n"
                      "from luzia_client.native.start import run\n"
                      "sys.exit(run(main))\n";

/* The interpreter in the first line of the Python program; false if another program stands there, such as a shell. */
static bool find_interpreter(const char *program, char interpreter[PATH_MAX]) {
    int fd = open(program, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? 0 : read(fd, interpreter, PATH_MAX - 1);
    close(fd);
    interpreter[size < 0 ? 0 : size] = '\0';
    char *name = interpreter + strcspn(interpreter, " \t\r\n");
    if (strncmp(interpreter, "#!/", 3) != 0 || *name != '\n')
        return false;
    *name = '\0';
    memmove(interpreter, interpreter + 2, (size_t)(name - interpreter) - 1);
    return strncmp(strrchr(interpreter, '/'), "/python", 7) == 0;
}

/* Become the Python program. before: words to put in front. words: those that follow. Both end with NULL. */
static _Noreturn void become_python(const char **before, char **words) {
    char path[PATH_MAX + 16] = "", python[PATH_MAX], *slash;
    char *starting[] = {python, "-P", "-S", "-c", START}; /* what comes before the path for a short command */
    size_t start = COUNT_OF(starting), first = 0, count = 0;
    slash = readlink("/proc/self/exe", path, PATH_MAX) < 0 ? NULL : strrchr(path, '/');
    strcpy(slash == NULL ? path : slash + 1, "luzia-py");
    while (before != NULL && before[first] != NULL)
        first++;
    while (words[count] != NULL)
        count++;
    char **argv = calloc(start + first + count + 2, sizeof *argv);
    if (argv != NULL) {
        memcpy(argv, starting, sizeof starting);
        argv[start] = path;
        if (first > 0)
            memcpy(argv + start + 1, before, first * sizeof *argv);
        memcpy(argv + start + 1 + first, words, count * sizeof *argv);
        if (stdin_text.at != NULL)
            dup2(memory_file(SPAN(stdin_text)), 0);
        signal(SIGPIPE, old_sigpipe);
        if (first == 0 && count > 0 && is_one_of(span_of(words[0]), SHORT_COMMANDS, COUNT_OF(SHORT_COMMANDS))
            && find_interpreter(path, python))
            execv(python, argv);
        execv(path, argv + start);
    }
    dprintf(2, "luzia: cannot run %s: %s\n  Install luzia again: this program is only a part of it.\n", path,
            strerror(errno));
    _exit(EXIT_INPUT_OUTPUT);
}

static _Noreturn void hand_over(void) {
    become_python(NULL, all_words);
}

static bool write_out(void) {
    for (size_t done = 0; done < out.size;) {
        ssize_t written = write(1, out.at + done, out.size - done);
        if (written < 0 && errno == EPIPE)
            _exit(EXIT_BROKEN_PIPE);
        if (written < 0 && errno != EINTR)
            return false;
        done += written < 0 ? 0 : (size_t)written;
    }
    out.size = 0;
    return true;
}

/* Where the daemon listens, and who it is, as luzia_protocol/environment.py says */

static const char *variable(const char *name) /* NULL when it is empty, too */
{
    const char *value = getenv(name);
    return value == NULL || *value == '\0' ? NULL : value;
}

static bool is_owner(const char *path, uid_t uid) {
    struct stat status;
    return stat(path, &status) == 0 && status.st_uid == uid;
}

static void add_socket(struct buffer *path) {
    const char *named = variable("LUZIA_SOCKET"), *given = variable("LUZIA_RUNTIME_DIR");
    const char *of_session = variable("XDG_RUNTIME_DIR");
    char by_user[40], planted[40];
    struct stat status;
    uid_t uid = geteuid();
    snprintf(by_user, sizeof by_user, "/run/user/%u", (unsigned)uid);
    snprintf(planted, sizeof planted, "/tmp/luzia-%u", (unsigned)uid);
    if (named != NULL)
        put(path, "%s", named);
    else if (given != NULL)
        put(path, "%s/luzia.sock", given);
    else if (of_session != NULL && is_owner(of_session, uid))
        put(path, "%s/luzia/luzia.sock", of_session);
    else if (uid == 0)
        put(path, SYSTEM_SOCKET);
    else if (stat(by_user, &status) == 0 && S_ISDIR(status.st_mode))
        put(path, "%s/luzia/luzia.sock", by_user);
    else
        put(path, "%s/luzia.sock", planted);
    if (named == NULL && given == NULL && access(terminated(path), F_OK) != 0 && access(SYSTEM_SOCKET, W_OK) == 0) {
        path->size = 0;
        put(path, SYSTEM_SOCKET);
    }
    /* Any user can create the directory in /tmp first; a socket in it would receive the task and the variables. */
    if (strncmp(terminated(path), planted, strlen(planted)) == 0
        && (lstat(planted, &status) != 0 || !S_ISDIR(status.st_mode) || status.st_uid != uid))
        hand_over();
}

/* The connection */

enum answer { REPLIED, LOST, TIMED_OUT };

struct connection {
    int fd;
    struct buffer in;
    size_t taken; /* bytes of `in` that were returned as frames */
};

static struct connection connect_to_daemon(int timeout_s) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval timeout = {.tv_sec = timeout_s};
    struct buffer path = {0};
    struct ucred peer;
    socklen_t size = sizeof peer;
    add_socket(&path);
    if (path.size >= sizeof address.sun_path)
        hand_over();
    memcpy(address.sun_path, path.at, path.size);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0
        || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        hand_over();
    /* Nobody but the user, root and the system service may receive a task and its variables. */
    if (peer.uid != geteuid() && peer.uid != 0
        && !(equals(SPAN(path), SYSTEM_SOCKET) && is_owner(SYSTEM_RUNTIME_DIR, peer.uid)))
        hand_over();
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    clear(&path);
    return (struct connection){.fd = fd};
}

/* The next line, which is valid until the next call. */
static enum answer next_frame(struct connection *from, struct span *frame) {
    for (size_t seen = from->taken;;) {
        char *newline = from->in.size > seen ? memchr(from->in.at + seen, '\n', from->in.size - seen) : NULL;
        if (newline != NULL) {
            *frame = (struct span){from->in.at + from->taken, (size_t)(newline - from->in.at) - from->taken};
            from->taken += frame->size + 1;
            return REPLIED;
        }
        if (from->in.size - from->taken > MAX_FRAME_BYTES)
            return LOST;
        if (from->taken > 0) {
            struct buffer rest = {0};
            add(&rest, from->in.at + from->taken, from->in.size - from->taken);
            clear(&from->in); /* a large one is not kept while nothing comes */
            from->in = rest;
            from->taken = 0;
        }
        seen = from->in.size;
        reserve(&from->in, from->in.size < 32768 ? 4096 : 262144);
        ssize_t size = recv(from->fd, from->in.at + from->in.size, from->in.room - from->in.size, 0);
        if (size == 0 || (size < 0 && errno != EINTR))
            return size < 0 && errno == EAGAIN ? TIMED_OUT : LOST;
        from->in.size += size < 0 ? 0 : (size_t)size;
    }
}

/* Send a request, which is freed, and get the reply. A daemon that does not want a request says why, and closes. */
static enum answer exchange(struct connection *daemon, struct buffer *request, struct span *reply) {
    for (size_t done = 0; done < request->size;) {
        ssize_t sent = send(daemon->fd, request->at + done, request->size - done, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN)
            return TIMED_OUT;
        if (sent < 0 && errno != EINTR)
            break;
        done += sent < 0 ? 0 : (size_t)sent;
    }
    clear(request);
    return next_frame(daemon, reply);
}

/* Dispatch: the command line, as luzia_client/cli/args/ reads it. What is not usual is handed over. */

struct field {
    const char *name;
    enum kind kind;
    struct buffer value; /* JSON, without the brackets of a list or an object */
};

static struct {
    char **words; /* of the task, or the command */
    const char *agent, *key;
    struct buffer project, env;
    bool is_command, quiet, json, literal;
    struct field fields[COUNT_OF(OPTIONS)];
    size_t field_count;
} line;

static bool is_option(const char *word) {
    for (const char *at = word; *word == '-' && *at != '\0'; at++)
        if (*at < 0)
            hand_over(); /* white space has many characters */
    size_t name = word[0] == '-' && word[1] == '-' ? strcspn(word, "=") : strlen(word);
    return word[0] == '-' && word[1] != '\0' && strcspn(word, " \t\n\v\f\r\x1c\x1d\x1e\x1f") >= name;
}

static const struct option *find_option(struct span name) {
    for (size_t i = 0; i < COUNT_OF(OPTIONS); i++)
        if (equals(name, OPTIONS[i].name))
            return &OPTIONS[i];
    return NULL;
}

static const char *find_common_option(struct span name) {
    for (size_t i = 0; i < COUNT_OF(COMMON_OPTIONS); i++)
        if (equals(name, COMMON_OPTIONS[i].name))
            return COMMON_OPTIONS[i].option;
    return NULL;
}

/* The absolute path. `~`, `..` and what is not simply below the current directory are left to the Python program. */
static void add_absolute_path(struct buffer *to, const char *path) {
    char here[PATH_MAX] = "";
    if (path[0] == '~' || strncmp(path, "//", 2) == 0)
        hand_over();
    if (path[0] != '/' && (getcwd(here, sizeof here) == NULL || here[0] != '/' || !is_utf8(span_of(here))))
        hand_over();
    put(to, "%s", strcmp(here, "/") == 0 ? "" : here);
    for (size_t size; *path != '\0'; path += size + (path[size] == '/')) {
        struct span part = {path, size = strcspn(path, "/")};
        if (equals(part, ".."))
            hand_over();
        if (size > 0 && !equals(part, "."))
            put(to, "/%n", part);
    }
    put(to, to->size == 0 ? "/" : "");
}

/* A number such as 12 or 1.5 at the beginning of a text; returns what is behind it. */
static const char *read_number(const char *text, double *value) {
    char *end;
    if (*text < '0' || *text > '9' || strpbrk(text, "eExX") != NULL)
        hand_over();
    *value = strtod(text, &end);
    if (end[-1] == '.')
        hand_over();
    return end;
}

static double read_whole_number(const char *text) {
    double value;
    if (*read_number(text, &value) != '\0')
        hand_over();
    return value;
}

/* Seconds from 90, 0.5 or 1h30m. */
static double read_duration(const char *text) {
    double seconds = 0, number;
    const char *at = read_number(text, &number);
    if (*at == '\0')
        seconds = number;
    else
        for (at = text; *at != '\0';) {
            size_t unit = 0;
            at = read_number(at, &number);
            while (unit < COUNT_OF(UNITS) && strncmp(at, UNITS[unit].name, strlen(UNITS[unit].name)) != 0)
                unit++;
            if (unit == COUNT_OF(UNITS))
                hand_over();
            seconds += number * UNITS[unit].seconds;
            at += strlen(UNITS[unit].name);
        }
    if (!(seconds > 0 && seconds < MAX_DURATION_S))
        hand_over();
    return seconds;
}

static long long read_count(const char *text) {
    size_t size = strspn(text, "0123456789");
    if (size == 0 || size >= 10 || text[size] != '\0')
        hand_over();
    return strtoll(text, NULL, 10);
}

static long long read_size(const char *text) {
    static const char units[] = "KMGT";
    size_t digits = strspn(text, "0123456789");
    const char *unit = text + digits, *factor = *unit == '\0' ? units - 1 : strchr(units, *unit);
    if (digits == 0 || digits > 6 || factor == NULL || (*unit != '\0' && unit[1] != '\0'))
        hand_over();
    return strtoll(text, NULL, 10) << 10 * (factor - units + 1);
}

/* `"name": ` of a member that must be new: a later one with the same name would take the place of the earlier one. */
static void add_name(struct buffer *to, struct span name, const char *colon, const struct buffer *before) {
    struct buffer member = {0};
    put(&member, "%j%s", name, colon);
    if ((before->size > 0 && memmem(before->at, before->size, member.at, member.size) != NULL)
        || (to->size > 0 && memmem(to->at, to->size, member.at, member.size) != NULL))
        hand_over();
    put(to, "%n", SPAN(member));
    clear(&member);
}

/* The words of a list, such as a,b, as JSON. */
static void add_words(struct buffer *to, const char *text) {
    for (size_t size; *text != '\0'; text += size + (text[size] == ',')) {
        size = strcspn(text, ",");
        if (size == 0 || memchr(text, ' ', size) != NULL || strcmp(text + size, ",") == 0)
            hand_over();
        put(to, to->size > 0 ? ", %j" : "%j", (struct span){text, size});
    }
}

static void add_value(struct buffer *to, const struct option *option, const char *text, const struct buffer *before) {
    const char *sign = strchr(text, '='), *dots = strstr(text, "..");
    struct buffer part = {0};
    if (option->kind > TAG && !is_plain(span_of(text)))
        hand_over();
    switch (option->kind) {
    case PYTHON: hand_over();
    case NOTHING: put(to, "null"); return;
    case SWITCH: put(to, strncmp(option->name, "--no-", 5) == 0 ? "false" : "true"); return;
    case TEXT:
    case ARGUMENT: put(to, "%q", text); return;
    case DIRECTORY:
        add_absolute_path(&part, text);
        put(to, "%j", SPAN(part));
        return;
    case TAG:
    case RESOURCES:
        if (sign == NULL || sign == text || (option->kind == RESOURCES && strpbrk(text, ", ") != NULL))
            hand_over();
        add_name(to, (struct span){text, (size_t)(sign - text)}, ": ", before);
        if (option->kind == TAG)
            put(to, "%q", sign + 1);
        else
            put(to, "%d", read_count(sign + 1));
        return;
    case BACKOFF:
        put(&part, "%n", (struct span){text, dots == NULL ? strlen(text) : (size_t)(dots - text)});
        put(to, "%f", read_duration(terminated(&part)));
        if (dots != NULL)
            put(to, ", %f", read_duration(dots + 2));
        return;
    case DURATION: put(to, "%f", read_duration(text)); return;
    case COUNT: put(to, "%d", read_count(text)); return;
    case PRIORITY: put(to, "%d", *text == '-' ? -read_count(text + 1) : read_count(text)); return;
    case SIZE: put(to, "%d", read_size(text)); return;
    case DOLLARS: put(to, "%f", read_whole_number(text + (*text == '$'))); return;
    case NUMBER: put(to, "%f", read_whole_number(text)); return;
    case JOBS:
    case LIST: add_words(to, text); return;
    }
}

static void set_field(const struct option *option, const char *text) {
    struct field *field = line.fields;
    struct buffer value = {0};
    while (field < line.fields + line.field_count && strcmp(field->name, option->field) != 0)
        field++;
    bool is_new = field == line.fields + line.field_count;
    if ((line.is_command && option->is_for_agents) || (!is_new && option->combination == REFUSE))
        hand_over();
    add_value(&value, option, text, &field->value);
    if (is_new)
        line.field_count++;
    else if (option->combination != REPLACE) {
        put(&field->value, ", %n", SPAN(value));
        return;
    }
    *field = (struct field){option->field, option->kind, value};
}

static void set_variable(const char *text) {
    struct buffer name = {0};
    struct span given = {text, strcspn(text, "=")};
    put(&name, "%n", given);
    const char *value = text[given.size] == '=' ? text + given.size + 1 : getenv(terminated(&name));
    if (given.size == 0 || value == NULL || !is_utf8(span_of(value)))
        hand_over();
    put(&line.env, line.env.size > 0 ? "," : "");
    add_name(&line.env, given, ":", &line.env);
    put(&line.env, "%q", value);
}

/* Parse the option at `words`; returns the words behind it. */
static char **parse_option(char **words) {
    struct span name = {*words, strcspn(*words, "=")};
    const char *value = (*words)[name.size] == '=' ? *words + name.size + 1 : NULL;
    const char *common = find_common_option(name);
    const struct option *option = find_option(name);
    if (value == NULL && (equals(name, "-q") || equals(name, "--quiet")))
        line.quiet = true;
    else if (value == NULL && equals(name, "--json"))
        line.json = true;
    else if (option != NULL && !option->takes_value && value == NULL)
        set_field(option, "");
    else {
        value = value == NULL ? *++words : value;
        if (value == NULL || *value == '\0' || (common == NULL && (option == NULL || !option->takes_value)))
            hand_over();
        if (common == NULL)
            set_field(option, value);
        else if (strcmp(common, "--agent") == 0 && !line.is_command)
            line.agent = value;
        else if (strcmp(common, "--key") == 0)
            line.key = value;
        else if (strcmp(common, "--env") == 0)
            set_variable(value);
        else
            hand_over();
    }
    return words + 1;
}

static void parse_line(char **words) {
    for (; *words != NULL && !line.literal; words++)
        if (strcmp(*words, "--") == 0)
            line.literal = true;
        else if (is_option(*words))
            words = parse_option(words) - 1;
        else if (line.project.size > 0 || **words == '\0')
            break;
        else if (strchr(*words, '/') != NULL || strcmp(*words, ".") == 0 || **words == '~')
            add_absolute_path(&line.project, *words);
        else
            put(&line.project, "%s", *words);
    if (line.project.size == 0 || line.project.at[0] == '.' || *words == NULL || **words == '\0')
        hand_over();
    line.words = words;
    for (; !line.literal && line.words[1] != NULL && *words != NULL; words++) {
        struct span name = {*words, strcspn(*words, "=")};
        if (is_option(*words) && (find_option(name) != NULL || is_one_of(name, FLAGS, COUNT_OF(FLAGS))
                                  || find_common_option(name) != NULL))
            hand_over(); /* an option behind the task */
    }
}

/* Dispatch: the request and the confirmation */

/* Read a task from stdin (`-`) or a file (`@FILE`). Only the Python program opens what cannot be read twice. */
static void read_task(const char *word, struct buffer *task) {
    struct stat status;
    bool is_stdin = *word == '-';
    if (!is_stdin && (word[1] == '~' || stat(word + 1, &status) != 0 || !S_ISREG(status.st_mode)))
        hand_over();
    int fd = is_stdin ? 0 : open(word + 1, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : 1;
    while (size > 0 && task->size <= MAX_TASK_BYTES) {
        size = read(fd, reserve(task, 65536), 65536);
        task->size += size > 0 ? (size_t)size : 0;
    }
    if (is_stdin)
        stdin_text = *task;
    if (size < 0)
        hand_over();
}

static void add_task(struct buffer *request) {
    struct buffer task = {0};
    const char *word = line.words[0];
    if (line.words[1] == NULL && !line.literal && (strcmp(word, "-") == 0 || (*word == '@' && word[1] != '\0')))
        read_task(word, &task);
    else
        for (char **each = line.words; *each != NULL; each++)
            put(&task, each == line.words ? "%s" : " %s", *each);
    if (task.size == 0 || task.size > MAX_TASK_BYTES || memchr(task.at, '\0', task.size) != NULL
        || !is_utf8(SPAN(task)) || is_blank(SPAN(task)))
        hand_over();
    put(request, ",\"task\":%j", SPAN(task));
}

/* The variables that a job inherits; JSON cannot carry values that are not UTF-8. */
static void add_environment(struct buffer *request) {
    const char *separator = ",\"client_env\":{";
    for (char **each = environ; *each != NULL; each++) {
        struct span name = {*each, strcspn(*each, "=")};
        struct buffer copy = {0};
        put(&copy, "%n", name);
        const char *value = *each + name.size + 1;
        if ((strncmp(*each, "LC_", 3) == 0 || is_one_of(name, INHERITED_VARIABLES, COUNT_OF(INHERITED_VARIABLES)))
            && getenv(terminated(&copy)) == value && is_utf8(span_of(*each))) {
            put(request, "%s%j:%q", separator, name, value);
            separator = ",";
        }
        clear(&copy);
    }
    put(request, *(separator + 1) == '\0' ? "}" : "");
}

static const char *current_job(void) {
    const char *job = variable("LUZIA_JOB_ID");
    return job != NULL && is_utf8(span_of(job)) ? job : NULL;
}

static void add_member(struct buffer *request, const char *name, const char *value) {
    if (value != NULL && *value != '\0')
        put(request, ",\"%s\":%q", name, value);
}

static void add_request(struct buffer *request) {
    put(request, "{\"op\":\"dispatch\",\"project\":%j", SPAN(line.project));
    for (char **word = line.words; line.is_command && *word != NULL; word++)
        put(request, word == line.words ? ",\"argv\":[%q" : ",%q", *word);
    if (line.is_command)
        put(request, "]");
    else
        add_task(request);
    bool is_detached = false;
    for (size_t i = 0; i < line.field_count; i++)
        is_detached = is_detached || line.fields[i].kind == NOTHING;
    add_member(request, "agent", line.agent);
    add_member(request, "key", line.key);
    add_member(request, "parent", is_detached ? NULL : current_job());
    mode_t mask = umask(0); /* this process has no threads that could notice */
    umask(mask);
    put(request, ",\"umask\":%d", (long long)mask);
    for (size_t i = 0; i < line.field_count; i++) {
        const struct field *field = &line.fields[i];
        bool is_object = field->kind == TAG || field->kind == RESOURCES;
        bool is_list = field->kind == ARGUMENT || field->kind == JOBS || field->kind == LIST || field->kind == BACKOFF;
        put(request, i == 0 ? ",\"%s\": %s%n%s" : ", \"%s\": %s%n%s", field->name, is_object ? "{" : is_list ? "[" : "",
            SPAN(field->value), is_object ? "}" : is_list ? "]" : "");
    }
    if (line.env.size > 0)
        put(request, ",\"env\":{%n}", SPAN(line.env));
    add_environment(request);
    put(request, "}\n");
}

/* Hand over what is left of a dispatch, with the answer to its request. */
static _Noreturn void hand_over_answer(enum answer answer, struct span reply) {
    char fd[16];
    if (answer == REPLIED)
        snprintf(fd, sizeof fd, "%d", memory_file(reply));
    bool is_implied = !line.is_command && strcmp(*all_words, "dispatch") != 0; /* or the name of an alias */
    const char *command = line.is_command ? "run" : is_implied ? "" : "dispatch";
    const char *what = answer == REPLIED ? fd : answer == LOST ? "lost" : "timeout";
    become_python(WORDS("--answered", what, command, "--key", line.key),
                  all_words + !is_implied);
}

/* Whether a text is shown as it is where one line of it is shown. */
static bool is_line(const struct buffer *text) {
    return text->size > 0 && text->size <= 200 && is_plain(SPAN(*text)) && text->at[0] != ' '
           && text->at[text->size - 1] != ' ';
}

/* Whether stdout, a terminal, shows colours. */
static bool has_colours(void) {
    const char *term = variable("TERM");
    return variable("NO_COLOR") == NULL && term != NULL && strcmp(term, "dumb") != 0;
}

/* Whether systemd may end jobs at the logout, and the user was not told: the Python program finds out and tells it. Only
   a user's manager does, in whose directory the socket is then. A file of systemd names each user who lingers. */
static bool may_end_at_logout(void) {
    const char *session = variable("XDG_RUNTIME_DIR"), *state = variable("LUZIA_STATE_DIR"), *user = variable("LOGNAME");
    const char *base = variable("XDG_STATE_HOME"), *home = variable("HOME");
    struct buffer manager = {0}, used = {0}, own = {0}, linger = {0}, told = {0};
    if (session == NULL || user == NULL || home == NULL)
        return false;
    put(&manager, "%s/systemd/private", session);
    put(&own, "%s/luzia/luzia.sock", session);
    add_socket(&used);
    if (access(terminated(&manager), F_OK) != 0 || strcmp(terminated(&used), terminated(&own)) != 0)
        return false;
    put(&linger, "/var/lib/systemd/linger/%s", user);
    if (state != NULL)
        put(&told, "%s/logout-told", state);
    else if (base != NULL)
        put(&told, "%s/luzia/logout-told", base);
    else
        put(&told, "%s/.local/state/luzia/logout-told", home);
    return access(terminated(&linger), F_OK) != 0 && access(terminated(&told), F_OK) != 0;
}

/* Add the confirmation for a person, with the name of the job; false if it needs more than lines of plain words. */
static bool add_confirmation(struct connection *daemon, struct span reply, const char *job, const char *project,
                             struct span name) {
    bool is_plain_terminal = !has_colours(), is_new = !has(reply, "ok.created", "false");
    struct buffer request = {0}, reason = {0};
    struct span about;
    if (may_end_at_logout())
        return false;
    put(&request, "{\"op\":\"status\",\"job\":%q,\"confirm\":true}\n", job);
    if (exchange(daemon, &request, &about) != REPLIED || !is_json(about))
        return false;
    bool waits = has(about, "ok.job.state", "\"queued\"") && !has(about, "ok.job.reason", "\"about to start\"")
                 && !has(about, "ok.job.reason", "null");
    if (waits && (!find_string(about, "ok.job.reason", &reason) || !is_line(&reason)))
        return false;
    if (has(about, "ok.confirm", "\"line\"")) {
        put(&out, "%n%s%s%n", name, is_new ? "" : "  dispatched before (same key)", waits ? "  queued: " : "",
            SPAN(reason));
        return true;
    }
    put(&out, "%s✓ Dispatched%s%s\nJob ID:  %s\nProject: %s\n\n", is_plain_terminal ? "" : "\x1b[32m",
        is_new ? "" : " before (same key)", is_plain_terminal ? "" : "\x1b[0m", job, project);
    put(&out, "Use: luzia jobs to view status\n     luzia jobs %s for details\n\n", job);
    if (waits)
        put(&out, "  queued: %n\n\n", SPAN(reason));
    put(&out, "%n", name);
    return true;
}

static int dispatch(char **words, bool is_command) {
    struct buffer request = {0}, name = {0}, job = {0}, project = {0}, copy = {0};
    struct span reply = {0};
    char key[32] = "auto-";
    unsigned char random[12];
    line.is_command = is_command;
    parse_line(words);
    if (line.key == NULL) { /* with a key the request can be repeated safely */
        if (getrandom(random, sizeof random, 0) != sizeof random)
            hand_over();
        for (size_t i = 0; i < sizeof random; i++)
            snprintf(key + 5 + 2 * i, 3, "%02x", random[i]);
        line.key = key;
    }
    add_request(&request);
    struct connection daemon = connect_to_daemon(REPLY_TIMEOUT_S);
    enum answer answer = exchange(&daemon, &request, &reply);
    put(&copy, "%n", reply);
    reply = SPAN(copy);
    bool is_usual = answer == REPLIED && reply.size > 14 && memcmp(reply.at, "{\"ok\":{\"job\":\"", 14) == 0 && is_json(reply)
                    && find_string(reply, "ok.job", &job) && find_string(reply, "ok.name", &name)
                    && find_string(reply, "ok.project", &project);
    if (!is_usual)
        hand_over_answer(answer, reply);
    if (line.json)
        add_harmless_json(&out, (struct span){reply.at + 6, reply.size - 7});
    else if (line.quiet || !isatty(1))
        put(&out, "%n", SPAN(name));
    else if (!add_confirmation(&daemon, reply, terminated(&job), terminated(&project), SPAN(name)))
        hand_over_answer(answer, reply);
    put(&out, "\n");
    if (!write_out())
        hand_over_answer(answer, reply);
    return 0;
}

/* The other commands. Until something is printed, each can be handed over as it was given. */

static struct {
    char **ids;
    size_t count;
    bool json, follow, raw;
    const char *timeout, *lines;
} args;

/* The ids behind a command, and the options of `known` before or behind them. */
static void parse_arguments(char **words, const char *known) {
    for (char **word = words; *word != NULL; word++)
        if (strchr(known, 'j') != NULL && strcmp(*word, "--json") == 0)
            args.json = true;
        else if (strchr(known, 'f') != NULL && (strcmp(*word, "-f") == 0 || strcmp(*word, "--follow") == 0))
            args.follow = true;
        else if (strchr(known, 'r') != NULL && strcmp(*word, "--raw") == 0)
            args.raw = true;
        else if (strchr(known, 'n') != NULL && word[1] != NULL
                 && (strcmp(*word, "-n") == 0 || strcmp(*word, "--lines") == 0))
            args.lines = *++word;
        else if (strchr(known, 't') != NULL && strcmp(*word, "--timeout") == 0 && word[1] != NULL)
            args.timeout = *++word;
        else if (**word == '-' || **word == '\0' || (args.count > 0 && word != args.ids + args.count))
            hand_over();
        else if (strchr(*word, '/') != NULL) /* HOST/ID */
            hand_over();
        else if (args.count++ == 0)
            args.ids = word;
    if (args.count == 0)
        hand_over();
}

static struct span ask(struct connection *daemon, struct buffer *request) {
    struct span reply, found;
    enum answer answer = exchange(daemon, request, &reply);
    if (answer == TIMED_OUT)
        become_python(WORDS("--answered", "timeout"), all_words);
    if (answer == LOST || !is_json(reply) || !find(reply, "ok", &found))
        hand_over();
    return found;
}

static struct span ask_job(struct connection *daemon, const char *id) {
    struct buffer request = {0};
    struct span job;
    put(&request, "{\"op\":\"status\",\"job\":%q}\n", id);
    if (!find(ask(daemon, &request), "job", &job) || job.at[0] != '{')
        hand_over();
    return job;
}

static long long ask_newest_event(struct connection *daemon) {
    struct buffer request = {0};
    long long seq;
    put(&request, "{\"op\":\"list\",\"limit\":1}\n");
    if (!find_integer(ask(daemon, &request), "seq", &seq))
        hand_over();
    return seq;
}

static int show_jobs(char **words) {
    parse_arguments(words, "j");
    if (!args.json)
        hand_over();
    struct connection daemon = connect_to_daemon(REPLY_TIMEOUT_S);
    for (size_t i = 0; i < args.count; i++) {
        add_harmless_json(&out, ask_job(&daemon, args.ids[i]));
        put(&out, "\n");
    }
    return 0;
}

static int report_progress(char **words) {
    struct buffer request = {0}, label = {0}, percent = {0};
    const char *job = current_job();
    for (char **word = words; *word != NULL; word++)
        if (**word == '-')
            hand_over();
    if (job == NULL || *words == NULL || strlen(*words) > 8)
        hand_over();
    put(&percent, "%s", *words);
    percent.size -= percent.size > 0 && percent.at[percent.size - 1] == '%';
    double value = read_whole_number(terminated(&percent));
    for (char **word = words + 1; *word != NULL; word++)
        put(&label, word == words + 1 ? "%s" : " %s", *word);
    put(&request, "{\"op\":\"progress\",\"job\":%q,\"percent\":%f", job, value);
    add_member(&request, "label", terminated(&label));
    put(&request, "}\n");
    if (value > 100)
        hand_over();
    struct connection daemon = connect_to_daemon(REPLY_TIMEOUT_S);
    ask(&daemon, &request);
    return 0;
}

static bool needs_attention(struct span job) {
    return !has(job, "held_at", "null") || has(job, "state", "\"waiting\"");
}

/* The place of the job's state among the final states, the least severe first; their number for any other state. */
static size_t severity(struct span job) {
    struct span state;
    size_t place = find(job, "state", &state) ? 0 : COUNT_OF(STATES);
    while (place < COUNT_OF(STATES) && !equals((struct span){state.at + 1, state.size - 2}, STATES[place].name))
        place++;
    return place;
}

/* The exit status for the end of a job. */
static int end_status(struct span job) {
    struct span outcome;
    for (size_t i = 0; find(job, "outcome", &outcome) && i < COUNT_OF(OUTCOMES); i++)
        if (equals((struct span){outcome.at + 1, outcome.size - 2}, OUTCOMES[i].name))
            return OUTCOMES[i].status;
    return STATES[severity(job)].status;
}

static double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Wait on in the Python program, for the time that is left. */
static _Noreturn void hand_over_wait(double deadline_s) {
    char left[40];
    if (args.timeout == NULL)
        become_python(WORDS("--answered", "resumed"), all_words);
    snprintf(left, sizeof left, "%.3f", deadline_s > now_s() ? deadline_s - now_s() : 0);
    args.ids[args.count] = NULL;
    become_python(WORDS("--answered", "resumed", "wait", "--timeout", left, args.json ? "--json" : NULL), args.ids);
}

/* Add the results of a wait, and return its exit status; -1 if it needs more than lines of plain words. */
static int add_results(struct span result) {
    struct span jobs, job = {0}, worst = {0}, outcome;
    if (!has(result, "next", "null") || !find(result, "jobs", &jobs))
        return -1;
    while (next_element(jobs, &job)) {
        struct buffer id = {0}, reason = {0}, name = {0};
        if (severity(job) == COUNT_OF(STATES) || !find_string(job, "id", &id))
            return -1;
        const char *state = STATES[severity(job)].name;
        if (args.json)
            add_harmless_json(&out, job);
        else if (has(job, "reason", "null") || (find_string(job, "reason", &reason) && equals(SPAN(reason), state)))
            put(&out, "%n  %s", SPAN(id), state);
        else if (is_line(&reason))
            put(&out, "%n  %s  %n", SPAN(id), state, SPAN(reason));
        else
            return -1;
        if (!args.json && find(job, "node", &outcome) && !equals(outcome, "null")) {
            if (!find_string(job, "node", &name) || !is_line(&name))
                return -1;
            if (strspn(terminated(&name), "0123456789") < name.size) /* a number is no name */
                put(&out, "  (%n)", SPAN(name));
        }
        put(&out, "\n");
        if (worst.at == NULL || severity(job) > severity(worst))
            worst = job;
    }
    if (!has(result, "timed_out", "false"))
        return jobs.size == 2 ? EXIT_WAIT_TIMED_OUT : -1;
    return worst.at == NULL ? -1 : end_status(worst);
}

static bool is_full_id(const char *id) {
    size_t digits = strspn(id, "0123456789"), more = digits == 6 && id[6] == '-' ? strspn(id + 7, "0123456789abcdef") : 0;
    return more >= 4 && id[7 + more] == '\0';
}

static int wait_for_jobs(char **words) {
    struct buffer ids = {0}, request = {0};
    struct span frame, found, job = {0};
    parse_arguments(words, "jt");
    double timeout_s = args.timeout == NULL ? 0 : read_whole_number(args.timeout);
    struct connection daemon = connect_to_daemon(REPLY_TIMEOUT_S);
    long long seq = ask_newest_event(&daemon);
    for (size_t i = 0; i < args.count; i++) {
        put(&ids, i == 0 ? "" : ",");
        if (is_full_id(args.ids[i]))
            put(&ids, "%q", args.ids[i]);
        else if (find(ask_job(&daemon, args.ids[i]), "id", &found))
            put(&ids, "%n", found);
        else
            hand_over();
    }
    close(daemon.fd);
    clear(&daemon.in);
    double deadline_s = now_s() + timeout_s;
    put(&request, "{\"op\":\"wait\",\"jobs\":[%n]", SPAN(ids));
    if (args.timeout != NULL)
        put(&request, ",\"timeout_s\":%f", timeout_s);
    add_member(&request, "parent", args.timeout != NULL && timeout_s == 0 ? NULL : current_job());
    put(&request, ",\"id\":1}\n{\"op\":\"subscribe\",\"after\":%d,\"jobs\":[%n],\"kinds\":" ATTENTION_KINDS ",\"id\":2}\n",
        seq, SPAN(ids));
    put(&request, "{\"op\":\"wait\",\"jobs\":[%n],\"timeout_s\":0.0,\"id\":3}\n", SPAN(ids));
    daemon = connect_to_daemon(0);
    for (enum answer answer = exchange(&daemon, &request, &frame); answer == REPLIED; answer = next_frame(&daemon, &frame)) {
        int status = 0;
        if (!is_json(frame) || !find(frame, "ok", &found))
            break; /* an error, or an event: a job asks or is held */
        if (has(frame, "id", "1"))
            status = add_results(found);
        if (has(frame, "id", "1") && status >= 0)
            return status;
        if (status < 0)
            break;
        if (has(frame, "id", "3"))
            for (find(found, "jobs", &found), job.at = NULL; next_element(found, &job);)
                if (needs_attention(job))
                    hand_over_wait(deadline_s);
    }
    hand_over_wait(deadline_s);
}

/* Output. What is unusual behind the first piece is handed over with the place where to go on. */

static struct {
    long long attempt, offset, size;
} place;

static _Noreturn void hand_over_output(void) {
    char at[64];
    snprintf(at, sizeof at, "%lld:%lld", place.attempt, place.offset);
    become_python(place.attempt == 0 ? NULL : WORDS("--answered", at), all_words);
}

/* Whether a terminal can get `out` as it is: all of a job's output, without anything that controls the terminal. */
static bool can_show(bool is_all) {
    bool has_colour = false, is_shown = is_all && is_harmless(SPAN(out), &has_colour) && (!has_colour || has_colours());
    put(&out, is_shown && has_colour ? "\x1b[0m" : "");
    return is_shown;
}

static void print_piece(struct span piece) {
    struct span data;
    long long lost, dropped, offset, next;
    if (!find_integer(piece, "lost_bytes", &lost) || !find_integer(piece, "dropped_bytes", &dropped)
        || !find_integer(piece, "offset", &offset) || !find_integer(piece, "next_offset", &next)
        || !find(piece, "data", &data) || lost > 0 || (dropped > place.offset && offset == dropped))
        hand_over_output();
    if (has(piece, "rendered", "true") ? !find_string(piece, "data", &out)
                                       : !add_base64(&out, (struct span){data.at + 1, data.size - 2}))
        hand_over_output();
    if (!find_integer(piece, "size", &place.size) || (isatty(1) && !can_show(next == place.size)))
        hand_over_output();
    if (!write_out() || !find_integer(piece, "attempt", &place.attempt))
        hand_over_output();
    place.offset = next;
}

/* Whether an event ends the job, and with which exit status. Another attempt, a question and the like are handed over. */
static bool is_end(struct span frame, int *status) {
    long long attempt = 0;
    struct span event;
    if (has(frame, "event.kind", "\"ended\"") && find(frame, "event", &event) && severity(event) < COUNT_OF(STATES)) {
        *status = end_status(event);
        return true;
    }
    bool is_known = has(frame, "event.kind", "\"starting\"") && find_integer(frame, "event.attempt", &attempt)
                    && attempt <= place.attempt;
    if (!is_known && !has(frame, "event.kind", "\"dispatched\""))
        hand_over_output();
    return false;
}

static int follow_output(const char *id) {
    struct buffer request = {0};
    struct connection daemon = connect_to_daemon(REPLY_TIMEOUT_S);
    long long seq = ask_newest_event(&daemon), attempt;
    struct span job = ask_job(&daemon, id), full_id, found, frame;
    if (!find_integer(job, "attempt", &attempt) || attempt == 0 || needs_attention(job) || !find(job, "id", &full_id))
        hand_over();
    bool has_job_ended = severity(job) < COUNT_OF(STATES), has_output_ended = false;
    int status = has_job_ended ? end_status(job) : 0;
    put(&request, "{\"op\":\"follow\",\"job\":%n,\"attempt\":%d,\"encoding\":\"base64\",\"render\":\"text\",\"id\":1}\n"
        "{\"op\":\"subscribe\",\"after\":%d,\"jobs\":[%n],\"kinds\":" FOLLOWED_KINDS ",\"id\":2}\n",
        full_id, attempt, seq, full_id);
    close(daemon.fd);
    clear(&daemon.in);
    daemon = connect_to_daemon(0);
    place.attempt = attempt;
    enum answer answer = exchange(&daemon, &request, &frame);
    for (;; answer = next_frame(&daemon, &frame)) {
        if (answer != REPLIED || !is_json(frame))
            hand_over_output();
        if (find(frame, "output", &found))
            print_piece(found);
        else if (find(frame, "end", &found))
            has_output_ended = true;
        else if (find(frame, "event", &found))
            has_job_ended = is_end(frame, &status) || has_job_ended;
        else if (!find(frame, "ok", &found))
            hand_over_output();
        if (has_job_ended && has_output_ended)
            return status;
    }
}

static int print_output(char **words) {
    struct buffer request = {0};
    parse_arguments(words, "fnr");
    bool is_part = args.raw || args.lines != NULL;
    if (args.count != 1 || (args.follow && (is_part || isatty(1))))
        hand_over();
    if (args.follow)
        return follow_output(args.ids[0]);
    long long lines = args.lines == NULL ? 0 : read_count(args.lines);
    const char *render = args.raw ? "none" : isatty(1) && has_colours() ? "colour" : "text";
    struct connection daemon = connect_to_daemon(REPLY_TIMEOUT_S);
    for (long long size = 1, before = -1; place.offset < size && place.offset > before;) {
        put(&request, "{\"op\":\"logs\",\"job\":%q", args.ids[0]);
        if (place.attempt > 0)
            put(&request, ",\"attempt\":%d,\"offset\":%d", place.attempt, place.offset);
        else if (args.lines != NULL)
            put(&request, ",\"tail\":%d", lines);
        put(&request, ",\"encoding\":\"base64\",\"render\":\"%s\",\"max_bytes\":%d}\n", render,
            (long long)MAX_OUTPUT_BYTES);
        before = place.attempt > 0 ? place.offset : -1;
        print_piece(ask(&daemon, &request));
        size = before < 0 ? place.size : size;
    }
    return 0;
}

/* The program */

static void interrupted(int signal) {
    (void)signal;
    _exit(EXIT_INTERRUPTED);
}

/* Whether the Python program reads and writes UTF-8. In the C locale it does, and says so to its jobs. */
static bool is_in_utf8(void) {
    const char *locale = setlocale(LC_CTYPE, "");
    if (getenv("PYTHONIOENCODING") != NULL || getenv("PYTHONUTF8") != NULL || getenv("PYTHONCOERCECLOCALE") != NULL)
        return false;
    if (locale != NULL && strcmp(locale, "C") != 0 && strcmp(locale, "POSIX") != 0)
        return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    if (variable("LC_ALL") == NULL)
        setenv("LC_CTYPE", "C.UTF-8", 1);
    return true;
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        int (*run)(char **words);
    } commands[] = {{"jobs", show_jobs}, {"logs", print_output}, {"progress", report_progress}, {"wait", wait_for_jobs}};
    all_words = argv + (argc > 0);
    bool is_usual = argc > 1 && variable("LUZIA_HOST") == NULL && strncmp(argv[1], "--host", 6) != 0 && is_in_utf8();
    for (int fd = 0; fd <= 2; fd++)
        is_usual = is_usual && fcntl(fd, F_GETFD) >= 0;
    for (char **word = all_words; *word != NULL; word++)
        is_usual = is_usual && is_utf8(span_of(*word));
    if (!is_usual)
        hand_over();
    old_sigpipe = signal(SIGPIPE, SIG_IGN);
    if (signal(SIGINT, interrupted) == SIG_IGN)
        signal(SIGINT, SIG_IGN);
    if (strcmp(argv[1], "dispatch") == 0 || strcmp(argv[1], "run") == 0)
        return dispatch(argv + 2, strcmp(argv[1], "run") == 0);
    if (!is_one_of(span_of(argv[1]), COMMANDS, COUNT_OF(COMMANDS)))
        return dispatch(argv + 1, false);
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0 && variable("LUZIA_CACHE_TTL") == NULL) {
            int status = commands[i].run(argv + 2);
            if (!write_out())
                hand_over();
            return status;
        }
    hand_over();
}

/* The fork server and the shims as a native program: what its files share. Each says the same as the Python module
   beside this directory that has its name, which runs where no C compiler has built the program. */
#ifndef LUZIAD_SUPERVISE_H
#define LUZIAD_SUPERVISE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

enum { NONE = -1, RECORD_BYTES = 4096, REPLIES = STDOUT_FILENO };

/* request.c: one attempt, as the daemon asks for it; Launch in luziad/executor/base.py has the meaning of each part.
   The strings are in `memory`, which is unmapped when nothing of it is needed any more. */
struct text_of {
    char *at;
    size_t size;
};

struct request {
    void *memory;
    size_t memory_size;
    char *job, *directory, *cwd, **argv, **env;
    struct text_of prompt, first_line; /* first_line.at is NULL without one */
    long long attempt, max_log_bytes, umask, nice;
    double grace_s;
    bool stdin_prompt, merge_stderr, keep_children, has_bounds, has_null;
    long long max_memory_bytes, max_processes; /* NONE without a limit */
    double max_cpus;
};

bool read_request(const char *line, size_t size, struct request *request);
void forget_request(struct request *request);
void keep_job_only(struct request *request); /* forget all strings but the name of the job */

/* records.c: JSON that is written, errors for the user, and files that are written crash-safely. */
struct record {
    char at[RECORD_BYTES];
    size_t size;
};

/* Why something failed. An empty text: it did not. code: the error number, 0 without one. */
struct failure {
    int code;
    char text[RECORD_BYTES];
};

void put(struct record *record, const char *format, ...) __attribute__((format(printf, 2, 3)));
void put_string(struct record *record, const char *text); /* clipped to 300 characters */
bool fail(struct failure *failure, const char *before, const char *file); /* by errno; always false */
bool fail_with(struct failure *failure, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
bool is_shortage(int code);
bool send_reply(const struct request *request, const char *fields); /* false when the pipe stays full */
void send_error(const struct request *request, const struct failure *failure);
int make_directory(const char *path); /* NONE with errno EEXIST when another process owns the attempt */
int open_directory(const char *path);
int open_regular(int directory, const char *name, int flags);
bool write_all(int fd, const char *content, size_t size);
bool write_file(const char *path, const char *value);
size_t read_file(const char *path, char *content, size_t room); /* ends it with a zero byte */
double seconds(clockid_t clock);

/* tree.c: processes in /proc. */
struct process {
    pid_t pid, parent, group, session;
    char state;
    unsigned long long start_time;
};

bool read_process(pid_t pid, struct process *process);
unsigned long long start_time_of(pid_t pid); /* 0 when it has ended */
void stop_below(pid_t pid);
void signal_below(pid_t pid, int number);
bool is_shutdown(pid_t sender);

/* output.c: limits the output of an attempt. */
struct output {
    int directory;
    long long limit, lost_bytes;
    double due; /* when to look, 0 for never */
    struct {
        off_t begin, end;
        char mark[64];
        size_t mark_size;
    } streams[2];
};

bool watch_output(struct output *output); /* these return false with errno */
bool trim_output(struct output *output);
void look_at_output(struct output *output);

/* cgroup.c: the cgroup of an attempt; an empty path when there is none. */
struct group {
    char path[512];
};

void name_group(struct group *group, const char *base, pid_t pid, unsigned long long start_time);
bool write_group(const struct group *group, const char *file, const char *value);
void remove_group(const struct group *group);
bool apply_limits(const struct request *request, const struct group *group, struct failure *failure);
bool exceeded_memory_limit(const struct request *request, const struct group *group);
const char *find_memory_killer(const struct group *group);
bool limit_memory(const struct request *request, const struct group *group, struct failure *failure);

/* child.c: starts the agent; returns its process id, NONE with the failure. */
pid_t start_agent(const struct request *request, int directory, struct group *group, struct failure *failure);

/* supervisor.c: supervises the tree until no process is left. */
struct attempt;
void supervise(struct attempt *attempt);

/* shim.c: one attempt from its lock to its end. */
struct attempt {
    struct request *request;
    struct group group;
    struct output output;
    int directory, lock, exit_file, stdin_fifo;
    pid_t agent;
    char identity[RECORD_BYTES]; /* the beginning of a record: which process the shim is */
    double started_at, started_s, started_awake_s;
};

void run_attempt(struct request *request, const char *base, const char *boot_id);
void record_end(struct attempt *attempt, int status, const struct rusage *usage, bool stopped, bool shutdown);

#endif

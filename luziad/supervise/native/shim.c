/* The shim, one per attempt: the agent's parent, and the reaper of everything that the agent starts. See shim.py for
   what it promises. All signals are blocked while it runs. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "supervise.h"

enum { STARTED_BYTES = 512, PIPE_SPARE_BYTES = 16 * 1024, PIPE_MAX_BYTES = 1024 * 1024 };

static void read_clocks(struct attempt *attempt) {
    attempt->started_at = seconds(CLOCK_REALTIME);
    attempt->started_s = seconds(CLOCK_BOOTTIME);
    attempt->started_awake_s = seconds(CLOCK_MONOTONIC);
}

static char *parent_of(char *path) {
    char *slash = strrchr(path, '/');
    *(slash == path ? slash + 1 : slash) = '\0';
    return path;
}

/* Makes the entries of a directory durable. */
static bool sync_directory(const char *path) {
    int fd = open_directory(path);
    bool is_synced = fd >= 0 && fsync(fd) == 0;
    int code = errno;
    if (fd >= 0)
        close(fd);
    errno = code;
    return is_synced;
}

/* started.json, before the agent has a process and after: padded to a fixed length. */
static bool put_start(struct attempt *attempt, int fd) {
    struct record record = {.size = 0};
    put(&record, "%s, \"started_at\": %.6f, \"boottime_s\": %.9f, \"awake_s\": %.9f", attempt->identity,
        attempt->started_at, attempt->started_s, attempt->started_awake_s);
    if (attempt->agent > 0)
        put(&record, ", \"agent_pid\": %d, \"agent_start_time\": %llu", (int)attempt->agent, start_time_of(attempt->agent));
    put(&record, "}");
    put(&record, "%*s", record.size < STARTED_BYTES ? (int)(STARTED_BYTES - record.size) : 0, "");
    return pwrite(fd, record.at, record.size, 0) == (ssize_t)record.size;
}

/* Writes started.json durably, before the agent starts, and makes the path to it durable. Returns its descriptor.

   The directory of all jobs is the first: others change it all the time, so its sync writes the journal of the file
   system in any case. The syncs of what only this attempt has then find it written, with the space of the file that
   is allocated before. */
static int write_start(struct attempt *attempt) {
    char job[4096], jobs[4096];
    int fd = openat(attempt->directory, "started.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || !put_start(attempt, fd))
        return NONE;
    snprintf(job, sizeof job, "%s", attempt->request->directory);
    snprintf(jobs, sizeof jobs, "%s", parent_of(job));
    sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE); /* the sync below reports what goes wrong */
    if (sync_directory(parent_of(jobs)) && sync_directory(job) && fsync(attempt->directory) == 0 && fsync(fd) == 0)
        return fd;
    return NONE;
}

/* Writes the exit record atomically under its name, and makes both durable: renamed first, they need the journal of the
   file system once. While this process holds the lock, nobody takes the record for one. */
static bool publish(struct attempt *attempt, const struct record *record) {
    int fd = attempt->exit_file, directory = attempt->directory;
    return pwrite(fd, record->at, record->size, 0) == (ssize_t)record->size &&
           ftruncate(fd, (off_t)record->size) == 0 &&
           renameat(directory, "exit.json.new", directory, "exit.json") == 0 && fdatasync(fd) == 0 &&
           fsync(directory) == 0;
}

static void put_signal(struct record *record, int number) {
    static const char *const names[] = {
        NULL,   "HUP",  "INT",  "QUIT", "ILL",    "TRAP", "ABRT", "BUS",  "FPE",  "KILL", "USR1",
        "SEGV", "USR2", "PIPE", "ALRM", "TERM",   "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN",
        "TTOU", "URG",  "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",  "PWR",  "SYS",
    };
    if (number < (int)(sizeof names / sizeof *names))
        put(record, "\"SIG%s\"", names[number]);
    else if (number == SIGRTMIN || number == SIGRTMAX)
        put(record, "\"SIGRT%s\"", number == SIGRTMIN ? "MIN" : "MAX");
    else
        put(record, "\"SIG%d\"", number);
}

/* The beginning of an exit record, up to what only some have. */
static void put_exit(struct record *record, const struct attempt *attempt, int status, const struct rusage *usage,
                     const char *error, bool stopped) {
    bool has_exited = error == NULL && WIFEXITED(status);
    put(record, "{\"exit_code\": ");
    if (has_exited)
        put(record, "%d", WEXITSTATUS(status));
    else
        put(record, "null");
    put(record, ", \"signal\": ");
    if (error != NULL || has_exited)
        put(record, "null");
    else
        put_signal(record, WTERMSIG(status));
    put(record, ", \"error\": ");
    if (error == NULL)
        put(record, "null");
    else
        put_string(record, error);
    put(record, ", \"stopped\": %s, \"started_at\": %.6f, \"ended_at\": %.6f, \"duration_s\": %.9f, \"usage\": {",
        stopped ? "true" : "false", attempt->started_at, seconds(CLOCK_REALTIME),
        seconds(CLOCK_BOOTTIME) - attempt->started_s);
    if (usage != NULL)
        put(record, "\"user_s\": %lld.%06lld, \"system_s\": %lld.%06lld, \"max_rss_bytes\": %lld",
            (long long)usage->ru_utime.tv_sec, (long long)usage->ru_utime.tv_usec, (long long)usage->ru_stime.tv_sec,
            (long long)usage->ru_stime.tv_usec, 1024LL * usage->ru_maxrss);
    put(record, "}");
}

/* Records the end of the agent. If even its reserved space fails, reports that to the daemon. */
void record_end(struct attempt *attempt, int status, const struct rusage *usage, bool stopped, bool shutdown) {
    struct record record = {.size = 0};
    put_exit(&record, attempt, status, usage, NULL, stopped);
    look_at_output(&attempt->output);
    if (shutdown)
        put(&record, ", \"is_shutdown\": true");
    const char *killer = find_memory_killer(&attempt->group);
    if (exceeded_memory_limit(attempt->request, &attempt->group))
        put(&record, ", \"memory_limit_bytes\": %lld", attempt->request->max_memory_bytes);
    else if (killer != NULL)
        put(&record, ", \"memory_killer\": \"%s\"", killer);
    if (attempt->output.lost_bytes > 0)
        put(&record, ", \"lost_bytes\": %lld", attempt->output.lost_bytes);
    put(&record, "}");
    if (!publish(attempt, &record)) {
        struct failure failure = {0};
        struct record fields = {.size = 0};
        fail(&failure, "cannot write the exit record: ", NULL);
        put(&fields, ", \"end\": %s, \"error\": ", record.at);
        put_string(&fields, failure.text);
        send_reply(attempt->request, fields.at);
    }
}

/* Records that the agent was not started, or else reports it; always false. */
static bool record_failure(struct attempt *attempt, const struct failure *failure, bool stopped, bool shutdown) {
    struct record record = {.size = 0};
    struct failure unrecorded = {0};
    bool shortage = !attempt->request->has_bounds && is_shortage(failure->code);
    put_exit(&record, attempt, 0, NULL, failure->text, stopped);
    put(&record, "%s, \"shortage\": %s}", shutdown ? ", \"is_shutdown\": true" : "", shortage ? "true" : "false");
    if (!publish(attempt, &record)) {
        fail(&unrecorded, "cannot start: ", NULL);
        send_error(attempt->request, &unrecorded);
    }
    return false;
}

/* Creates the FIFO of an agent that may ask questions, with its first line: see agent_stdin.py. */
static bool create_stdin(struct attempt *attempt, struct failure *failure) {
    const struct text_of line = attempt->request->first_line;
    if (mkfifoat(attempt->directory, "stdin", 0600) != 0)
        return fail(failure, "cannot start: ", NULL);
    int fifo = attempt->stdin_fifo = openat(attempt->directory, "stdin", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fifo < 0)
        return fail(failure, "cannot start: ", "stdin");
    size_t needed = line.size + 1 + PIPE_SPARE_BYTES;
    if (needed > PIPE_MAX_BYTES)
        return fail_with(failure, EMSGSIZE, "cannot start: %zu bytes exceed the capacity of the agent's stdin",
                         line.size + 1);
    if (needed > (size_t)fcntl(fifo, F_GETPIPE_SZ) && fcntl(fifo, F_SETPIPE_SZ, (int)needed) < 0)
        return fail(failure, "cannot start: ", NULL);
    if (write(fifo, line.at, line.size) != (ssize_t)line.size || write(fifo, "\n", 1) != 1)
        return fail_with(failure, EMSGSIZE, "cannot start: the task is too long for an agent that may ask questions");
    return true;
}

/* Starts the agent, unless the attempt is already cancelled; false when it has not started. */
static bool start(struct attempt *attempt) {
    static const struct timespec now = {0};
    struct failure failure = {0};
    siginfo_t info;
    sigset_t cancel;
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    int started = write_start(attempt);
    if (started < 0) {
        fail(&failure, "cannot start: ", NULL);
        return record_failure(attempt, &failure, false, false);
    }
    sigemptyset(&cancel);
    sigaddset(&cancel, SIGTERM);
    if (sigtimedwait(&cancel, &info, &now) == SIGTERM) {
        fail_with(&failure, 0, "cancelled before it started");
        return record_failure(attempt, &failure, true, is_shutdown(info.si_pid));
    }
    read_clocks(attempt);
    if ((attempt->request->first_line.at == NULL || create_stdin(attempt, &failure)) &&
        apply_limits(attempt->request, &attempt->group, &failure))
        attempt->agent = start_agent(attempt->request, attempt->directory, &attempt->group, &failure);
    if (*failure.text != '\0')
        return record_failure(attempt, &failure, false, false);
    put_start(attempt, started);
    close(started);
    return true;
}

/* Takes the lock of the attempt, and writes into it whose it is; false when the attempt is not to be started. */
static bool take_over(struct attempt *attempt, const char *boot_id, struct failure *failure) {
    const struct request *request = attempt->request;
    struct stat fenced;
    struct record own = {.size = 0};
    pid_t pid = getpid();
    attempt->lock = open_regular(attempt->directory, "lock", O_RDWR | O_CREAT);
    if (attempt->lock < 0)
        return fail(failure, "cannot start: ", "lock");
    if (flock(attempt->lock, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? false : fail(failure, "cannot start: ", "lock");
    if (fstatat(attempt->directory, "fenced", &fenced, AT_SYMLINK_NOFOLLOW) == 0)
        return false;
    read_clocks(attempt);
    put(&own, "{\"pid\": %d, \"start_time\": %llu, \"boot_id\": \"%s\", \"cgroup\": ", (int)pid, start_time_of(pid), boot_id);
    if (*attempt->group.path == '\0')
        put(&own, "null");
    else
        put_string(&own, attempt->group.path);
    snprintf(attempt->identity, sizeof attempt->identity, "%s", own.at);
    put(&own, "}");
    if (pwrite(attempt->lock, own.at, own.size, 0) != (ssize_t)own.size)
        return fail(failure, "cannot start: ", "lock");
    int prompt = openat(attempt->directory, "prompt", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (prompt < 0)
        return fail(failure, "cannot start: ", "prompt");
    if (!write_all(prompt, request->prompt.at, request->prompt.size))
        return fail(failure, "cannot start: ", NULL);
    close(prompt);
    attempt->exit_file = openat(attempt->directory, "exit.json.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (attempt->exit_file < 0)
        return fail(failure, "cannot start: ", "exit.json.new");
    errno = posix_fallocate(attempt->exit_file, 0, RECORD_BYTES);
    return errno == 0 || fail(failure, "cannot start: ", NULL);
}

/* Records in the lock that no process is left; otherwise the daemon searches for survivors. */
static void mark_finished(const struct attempt *attempt) {
    struct record record = {.size = 0};
    put(&record, "%s, \"over\": true}", attempt->identity);
    if (pwrite(attempt->lock, record.at, record.size, 0) < 0)
        return; /* the search finds none */
}

/* Runs one attempt, from its directory to the end of its last process. base: the directory of its cgroup, or "". */
void run_attempt(struct request *request, const char *base, const char *boot_id) {
    struct attempt attempt = {.request = request, .stdin_fifo = NONE};
    struct failure failure = {0};
    struct record fields = {.size = 0};
    attempt.directory = make_directory(request->directory);
    if (attempt.directory < 0) {
        if (errno != EEXIST) {
            fail(&failure, "cannot start: ", request->directory);
            send_error(request, &failure);
        }
        return;
    }
    name_group(&attempt.group, base, getpid(), start_time_of(getpid()));
    if (*attempt.group.path != '\0' && mkdir(attempt.group.path, 0777) != 0)
        *attempt.group.path = '\0'; /* the limit of cgroups may be reached: then the attempt runs without one */
    if (!take_over(&attempt, boot_id, &failure)) {
        if (*failure.text != '\0')
            send_error(request, &failure);
        return;
    }
    if (start(&attempt)) {
        put(&fields, ", \"agent_pid\": %d, \"started_at\": %.6f", (int)attempt.agent, attempt.started_at);
        send_reply(request, fields.at);
        attempt.output = (struct output){.directory = attempt.directory, .limit = request->max_log_bytes};
        supervise(&attempt);
    }
    mark_finished(&attempt);
}

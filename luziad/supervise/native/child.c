/* Starts the agent: its streams, its directory, its session, its limits, its program. The new process says through a
   pipe why it cannot be started; the pipe closes without a word when it has been. See child.py. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervise.h"

enum { WITHOUT_GROUP = 'g', FAILED = 'f' }; /* the messages in the pipe, the second with a failure */

static bool open_streams(const struct request *request, int directory, int streams[3], struct failure *failure) {
    static const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC;
    const char *input = request->first_line.at != NULL ? "stdin" : request->stdin_prompt ? "prompt" : "/dev/null";
    streams[0] = openat(directory, input, O_RDONLY | O_CLOEXEC);
    streams[1] = openat(directory, "stdout", flags, 0600);
    streams[2] = request->merge_stderr ? dup(streams[1]) : openat(directory, "stderr", flags, 0600);
    const char *const names[] = {input, "stdout", "stderr"};
    for (int i = 0; i < 3; i++)
        if (streams[i] < 0)
            return fail(failure, "cannot start: ", names[i]);
    return true;
}

/* The variable PATH of the agent. */
static const char *search_path(const struct request *request) {
    for (char **each = request->env; *each != NULL; each++)
        if (strncmp(*each, "PATH=", 5) == 0)
            return *each + 5;
    return "/bin:/usr/bin";
}

static bool is_program(const char *path) {
    struct stat found;
    return access(path, X_OK) == 0 && stat(path, &found) == 0 && !S_ISDIR(found.st_mode);
}

/* Finds the file of the program on the PATH of the agent's environment, as execvp(3) does. */
static bool find_program(const struct request *request, char found[4096], struct failure *failure) {
    const char *name = request->argv[0], *place = strchr(name, '/') != NULL ? NULL : search_path(request);
    char other[4096] = "";
    struct stat status;
    for (const char *next = place;; next += strcspn(next, ":") + 1) {
        int size = place == NULL ? snprintf(found, 4096, "%s", name)
                                 : snprintf(found, 4096, "%.*s/%s", (int)strcspn(next, ":"), next, name);
        if (place != NULL && strcspn(next, ":") == 0)
            size = snprintf(found, 4096, "./%s", name);
        if (size < 4096 && is_program(found))
            return true;
        if (size < 4096 && *other == '\0' && lstat(found, &status) == 0)
            strcpy(other, found);
        if (place == NULL || next[strcspn(next, ":")] == '\0')
            break;
    }
    if (*other != '\0')
        return fail_with(failure, 0, "cannot start '%s': %s %s", name, other,
                         stat(other, &status) == 0 ? "is not executable" : "is a dangling link");
    return fail_with(failure, 0, "cannot start '%s': no such program%s", name, place == NULL ? "" : " on PATH");
}

static bool enter_directory(const char *cwd, struct failure *failure) {
    if (chdir(cwd) == 0)
        return true;
    if (errno == ENOENT || errno == ENOTDIR)
        return fail_with(failure, errno, "directory %s no longer exists", cwd);
    if (errno == EACCES)
        return fail_with(failure, errno, "directory %s is not accessible", cwd);
    return fail_with(failure, errno, "directory %s is not accessible: %s", cwd, strerror(errno));
}

static bool execute(const struct request *request, struct failure *failure) {
    char program[4096];
    if (!find_program(request, program, failure))
        return false;
    execve(program, request->argv, request->env);
    if (errno == EACCES || errno == EPERM)
        return fail_with(failure, errno, "cannot start '%s': %s is not executable", request->argv[0], program);
    const char *reason = errno == ENOENT    ? "its interpreter (the program its first line names) does not exist"
                         : errno == ENOEXEC ? "it is neither a program for this machine nor a script with a #! line"
                         : errno == E2BIG   ? "its arguments and environment are larger than the system allows"
                         : errno == ETXTBSY ? "another process is writing to the program's file"
                                            : NULL;
    if (reason != NULL)
        return fail_with(failure, errno, "cannot start '%s': %s", request->argv[0], reason);
    return fail_with(failure, errno, "cannot start '%s': %s", request->argv[0], strerror(errno));
}

/* In the new process: becomes the agent. Lets luzia and the user's own work go first, as far as the kernel permits. */
static void become_agent(const struct request *request, const struct group *group, const int streams[3],
                         struct failure *failure) {
    sigset_t none;
    char nice[24];
    setsid();
    if (!limit_memory(request, group, failure) || !enter_directory(request->cwd, failure))
        return;
    for (int i = 0; i < 3; i++)
        if (dup2(streams[i], i) < 0) {
            fail(failure, "cannot start: ", NULL);
            return;
        }
    if (request->nice > 0) {
        snprintf(nice, sizeof nice, "%lld", request->nice);
        setpriority(PRIO_PROCESS, 0, (int)request->nice);
        write_file("/proc/self/autogroup", nice);
    }
    if (request->umask != NONE)
        umask((mode_t)request->umask);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execute(request, failure);
}

/* Creates the process, in the cgroup if there is one: that is much faster than moving it there. */
static pid_t fork_into(const struct group *group, bool *is_inside) {
    int directory = *group->path == '\0' ? NONE : open_directory(group->path);
    struct clone_args how = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (__u64)directory};
    pid_t pid = directory < 0 ? NONE : (pid_t)syscall(SYS_clone3, &how, sizeof how);
    int code = errno;
    *is_inside = pid >= 0;
    if (directory >= 0 && pid != 0)
        close(directory);
    if (directory >= 0 && pid < 0 && code == EAGAIN)
        errno = code; /* a limit of processes */
    else if (pid < 0)
        pid = fork();
    return pid;
}

/* In the parent: what the new process says. */
static bool read_failure(int from, struct group *group, struct failure *failure) {
    char kind, code[16] = "";
    while (read(from, &kind, 1) == 1) {
        if (kind == WITHOUT_GROUP) {
            remove_group(group);
            *group->path = '\0';
        } else {
            failure->code = read(from, code, sizeof code) > 0 ? (int)strtol(code, NULL, 10) : 0;
            ssize_t size = read(from, failure->text, sizeof failure->text - 1);
            failure->text[size < 0 ? 0 : size] = '\0';
            return false;
        }
    }
    return true;
}

pid_t start_agent(const struct request *request, int directory, struct group *group, struct failure *failure) {
    int streams[3] = {NONE, NONE, NONE}, failed[2] = {NONE, NONE};
    bool is_inside;
    pid_t agent = NONE;
    char nice[24];
    snprintf(nice, sizeof nice, "%lld", request->nice);
    if (request->nice > 0)
        write_group(group, "cpu.weight.nice", nice);
    if (request->has_null)
        fail_with(failure, 0, "cannot start '%s': embedded null byte", request->argv[0]);
    else if (open_streams(request, directory, streams, failure) && pipe2(failed, O_CLOEXEC) != 0)
        fail(failure, "cannot start: ", NULL);
    if (*failure->text == '\0' && (agent = fork_into(group, &is_inside)) < 0) {
        int code = errno;
        fail_with(failure, code, "cannot start '%s': %s", request->argv[0], strerror(code));
    }
    if (agent == 0) {
        char message[1 + 16 + RECORD_BYTES] = {FAILED};
        bool has_entered = is_inside || *group->path == '\0' || write_group(group, "cgroup.procs", "0");
        if (!has_entered)
            write_all(failed[1], (char[]){WITHOUT_GROUP}, 1);
        if (!has_entered && request->has_bounds)
            fail(failure, "its limits cannot be enforced on this machine: ", "cgroup.procs");
        else
            become_agent(request, group, streams, failure);
        snprintf(message + 1, 16, "%d", failure->code);
        memcpy(message + 17, failure->text, sizeof failure->text);
        write_all(failed[1], message, 17 + strlen(failure->text));
        _exit(127);
    }
    if (failed[1] >= 0)
        close(failed[1]);
    if (agent > 0 && !read_failure(failed[0], group, failure)) {
        waitpid(agent, NULL, 0);
        agent = NONE;
    }
    if (failed[0] >= 0)
        close(failed[0]);
    for (int i = 0; i < 3; i++)
        if (streams[i] >= 0)
            close(streams[i]);
    return agent;
}

/* Process trees in /proc: identity, descendants, signals to all of them; and who takes the machine down.
   See tree.py and machine_shutdown.py. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "supervise.h"

enum { MAX_STOP_ROUNDS = 200, STOP_PAUSE_NS = 2000000 };

struct processes {
    struct process *at;
    size_t count, room;
};

static void append(struct processes *to, struct process process) {
    if (to->count == to->room) {
        to->room = to->room == 0 ? 16 : 2 * to->room;
        struct process *at = realloc(to->at, to->room * sizeof *at);
        if (at == NULL)
            abort(); /* the daemon ends what is left */
        to->at = at;
    }
    to->at[to->count++] = process;
}

bool read_process(pid_t pid, struct process *process) {
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    read_file(path, text, sizeof text);
    /* The second field is the program's name in parentheses, which may itself hold blanks and parentheses. */
    const char *fields = strrchr(text, ')');
    int parent, group, session;
    *process = (struct process){.pid = pid};
    if (fields == NULL ||
        sscanf(fields + 1,
               " %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
               &process->state, &parent, &group, &session, &process->start_time) != 5)
        return false;
    process->parent = parent;
    process->group = group;
    process->session = session;
    return true;
}

unsigned long long start_time_of(pid_t pid) {
    struct process process;
    return read_process(pid, &process) ? process.start_time : 0;
}

static void append_if_running(struct processes *to, pid_t pid) {
    struct process process;
    if (read_process(pid, &process))
        append(to, process);
}

/* Appends the children of one thread; false when the kernel does not list them. */
static bool append_children_of_thread(struct processes *to, const char *path) {
    int pid, fd = open(path, O_RDONLY | O_CLOEXEC);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    if (file == NULL)
        return errno != ENOENT || access("/proc/thread-self/children", F_OK) == 0; /* it has ended, or is hidden */
    while (fscanf(file, "%d", &pid) == 1)
        append_if_running(to, pid);
    fclose(file);
    return true;
}

static bool append_children(struct processes *to, pid_t pid) {
    char path[320];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    bool is_listed = true;
    for (struct dirent *each; is_listed && threads != NULL && (each = readdir(threads)) != NULL;) {
        if (each->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "/proc/%d/task/%s/children", (int)pid, each->d_name);
        is_listed = append_children_of_thread(to, path);
    }
    if (threads != NULL)
        closedir(threads);
    return is_listed;
}

static struct processes all_processes(void) {
    struct processes found = {0};
    DIR *processes = opendir("/proc");
    for (struct dirent *each; processes != NULL && (each = readdir(processes)) != NULL;)
        if (each->d_name[0] >= '1' && each->d_name[0] <= '9')
            append_if_running(&found, atoi(each->d_name));
    if (processes != NULL)
        closedir(processes);
    return found;
}

/* All processes below `pid`, parents before children: from the kernel's lists of children, and from the whole of /proc
   where the kernel keeps no such lists. */
static struct processes descendants(pid_t pid) {
    struct processes found = {0};
    bool is_listed = append_children(&found, pid);
    for (size_t i = 0; is_listed && i < found.count; i++)
        is_listed = append_children(&found, found.at[i].pid);
    if (is_listed)
        return found;
    struct processes all = all_processes();
    found.count = 0;
    for (size_t i = 0; i <= found.count; i++)
        for (size_t j = 0; j < all.count; j++)
            if (all.at[j].parent == (i == 0 ? pid : found.at[i - 1].pid))
                append(&found, all.at[j]);
    free(all.at);
    return found;
}

static bool is_among(const struct processes *processes, const struct process *wanted) {
    for (size_t i = 0; i < processes->count; i++)
        if (processes->at[i].pid == wanted->pid && processes->at[i].start_time == wanted->start_time)
            return true;
    return false;
}

/* Stops everything below `pid`, including processes that are forked meanwhile: repeats until none is running. A process
   that waits in the kernel, as in vfork(2) for a stopped child, stops when it leaves the kernel. */
void stop_below(pid_t pid) {
    struct processes signalled = {0};
    bool is_any_running = true;
    for (int round = 0; is_any_running && round < MAX_STOP_ROUNDS; round++) {
        struct processes found = descendants(pid);
        is_any_running = false;
        for (size_t i = 0; i < found.count; i++) {
            bool is_known = is_among(&signalled, &found.at[i]);
            if (strchr("TtZX", found.at[i].state) != NULL || (found.at[i].state == 'D' && is_known))
                continue;
            is_any_running = true;
            if (!is_known)
                append(&signalled, found.at[i]);
            kill(found.at[i].pid, SIGSTOP);
        }
        free(found.at);
        if (is_any_running)
            nanosleep(&(struct timespec){.tv_nsec = STOP_PAUSE_NS}, NULL);
    }
    free(signalled.at);
}

/* Sends a signal to everything below `pid`, stopped processes included. Whole process groups get it at once, so that
   none of their members can escape by forking. A group never spans two sessions, so one in another session than that of
   `pid` belongs to the tree; a child that has not left that session yet gets the signal alone. */
void signal_below(pid_t pid, int number) {
    struct process own;
    bool is_known = read_process(pid, &own);
    struct processes found = descendants(pid);
    for (size_t i = 0; i < found.count; i++) {
        pid_t target = is_known && found.at[i].session == own.session ? found.at[i].pid : -found.at[i].group;
        bool is_repeated = false;
        for (size_t j = 0; target < 0 && j < i && !is_repeated; j++)
            is_repeated = -found.at[j].group == target && !(is_known && found.at[j].session == own.session);
        if (is_repeated)
            continue;
        /* It has ended, or runs as another user, whose processes only root may signal, when this fails. */
        if (kill(target, number) == 0 && number != SIGKILL)
            kill(target, SIGCONT);
    }
    free(found.at);
}

/* Whether a SIGTERM from this process means that the machine, the container or the session is going down: see
   machine_shutdown.py. */
bool is_shutdown(pid_t sender) {
    char path[64], text[4096];
    if (sender == 0)
        return true;
    snprintf(path, sizeof path, "/proc/%d/comm", (int)sender);
    size_t size = read_file(path, text, sizeof text);
    if (size > 0 && text[size - 1] == '\n')
        text[size - 1] = '\0';
    if (strcmp(text, "systemd") == 0 || strcmp(text, "systemd-shutdow") == 0)
        return true;
    if (sender != 1)
        return false;
    size = read_file("/proc/1/cmdline", text, sizeof text);
    for (size_t i = 0; i < size; i += strlen(text + i) + 1) {
        size_t length = strlen(text + i);
        if (length >= 6 && strcmp(text + i + length - 6, "luziad") == 0)
            return false;
    }
    return true;
}

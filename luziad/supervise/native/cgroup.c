/* The cgroup of an attempt, and the limits on its resources: by the cgroup if that has the controllers, else memory by
   limits of its processes. The agent is created in the cgroup, and the shim is never in it. See cgroup.py and
   resource_limits.py. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "supervise.h"

enum { PERIOD_US = 100000, SHORTEST_QUOTA_US = 1000 };

static const char BEFORE[] = "its limits cannot be enforced on this machine: ";

void name_group(struct group *group, const char *base, pid_t pid, unsigned long long start_time) {
    int size = snprintf(group->path, sizeof group->path, "%s/luzia-%d-%llu", base, (int)pid, start_time);
    if (*base == '\0' || size < 0 || (size_t)size >= sizeof group->path)
        *group->path = '\0';
}

bool write_group(const struct group *group, const char *file, const char *value) {
    char path[sizeof group->path + 32];
    snprintf(path, sizeof path, "%s/%s", group->path, file);
    return *group->path != '\0' && write_file(path, value);
}

/* Deletes a cgroup and those below it, unless processes are in them. */
void remove_group(const struct group *group) {
    if (*group->path == '\0' || rmdir(group->path) == 0 || errno == ENOENT)
        return;
    DIR *directory = opendir(group->path);
    for (struct dirent *each; directory != NULL && (each = readdir(directory)) != NULL;) {
        struct group inner;
        int size = snprintf(inner.path, sizeof inner.path, "%s/%s", group->path, each->d_name);
        if (each->d_type == DT_DIR && each->d_name[0] != '.' && (size_t)size < sizeof inner.path)
            remove_group(&inner);
    }
    if (directory != NULL)
        closedir(directory);
    rmdir(group->path);
}

static bool has_memory_controller(const struct group *group) {
    char path[sizeof group->path + 32];
    snprintf(path, sizeof path, "%s/memory.max", group->path);
    return *group->path != '\0' && access(path, F_OK) == 0;
}

static bool set_limit(const struct group *group, const char *file, const char *value, struct failure *failure) {
    char path[sizeof group->path + 32];
    snprintf(path, sizeof path, "%s/%s", group->path, file);
    if (*group->path == '\0')
        return fail_with(failure, 0, "%sno cgroup could be created", BEFORE);
    return write_file(path, value) || fail(failure, BEFORE, path);
}

/* Sets the limits that a cgroup keeps. */
bool apply_limits(const struct request *request, const struct group *group, struct failure *failure) {
    char value[64];
    snprintf(value, sizeof value, "%lld", request->max_processes);
    if (request->max_processes != NONE && !set_limit(group, "pids.max", value, failure))
        return false;
    long quota = (long)(request->max_cpus * PERIOD_US + 0.5);
    snprintf(value, sizeof value, "%ld %d", quota < SHORTEST_QUOTA_US ? SHORTEST_QUOTA_US : quota, PERIOD_US);
    if (request->max_cpus >= 0 && !set_limit(group, "cpu.max", value, failure))
        return false;
    if (request->max_memory_bytes == NONE || !has_memory_controller(group))
        return true;
    snprintf(value, sizeof value, "%lld", request->max_memory_bytes);
    if (!set_limit(group, "memory.max", value, failure))
        return false;
    write_group(group, "memory.swap.max", "0"); /* not every kernel counts swap */
    write_group(group, "memory.oom.group", "1"); /* kill the whole group, not a single process */
    return true;
}

/* In the new process: limits the memory of each process where the cgroup does not. */
bool limit_memory(const struct request *request, const struct group *group, struct failure *failure) {
    struct rlimit limit;
    if (request->max_memory_bytes == NONE || has_memory_controller(group))
        return true;
    if (getrlimit(RLIMIT_DATA, &limit) == 0 && limit.rlim_max > (rlim_t)request->max_memory_bytes)
        limit.rlim_max = (rlim_t)request->max_memory_bytes; /* RLIM_INFINITY is the largest number */
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_DATA, &limit) == 0 || fail(failure, BEFORE, NULL);
}

/* Whether the kernel has counted an event of the cgroup's memory. */
static bool has_event(const struct group *group, const char *name) {
    char path[sizeof group->path + 32], events[512], line[32];
    *events = '\n';
    snprintf(path, sizeof path, "%s/memory.events", group->path);
    read_file(path, events + 1, sizeof events - 1);
    snprintf(line, sizeof line, "\n%s ", name);
    const char *count = strstr(events, line);
    return count != NULL && atoi(count + strlen(line)) > 0;
}

/* Whether the kernel has killed a process because of the limit. */
bool exceeded_memory_limit(const struct request *request, const struct group *group) {
    return request->max_memory_bytes != NONE && has_memory_controller(group) && has_event(group, "oom_kill") &&
           has_event(group, "oom");
}

/* What has killed processes because memory outside of the attempt was low; NULL for nothing. */
const char *find_memory_killer(const struct group *group) {
    char value[8];
    if (*group->path == '\0')
        return NULL;
    if (getxattr(group->path, "user.oomd_ooms", value, 0) >= 0)
        return "systemd-oomd";
    return has_memory_controller(group) && has_event(group, "oom_kill") && !has_event(group, "oom") ? "kernel" : NULL;
}

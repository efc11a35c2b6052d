/* The fork server: reads attempts from stdin, one JSON object a line, and forks a shim for each. See forkserver.py for
   what it replies.

   Usage: luzia-forks BASE BOOT_ID, with the directory for the cgroups of attempts ("" without one) and the machine's
   boot. It ends at the end of its stdin; shims continue. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervise.h"

enum { REQUESTS = STDIN_FILENO, CHUNK_BYTES = 1 << 18 };

struct shim {
    pid_t pid;
    unsigned long long start_time;
};

static const char *base, *boot_id;
static int ended_shims; /* a descriptor that tells of SIGCHLD */
static struct shim *shims;
static size_t shim_count, shim_room;
static char *input; /* what is read, and not a whole line yet */
static size_t input_size, input_room;

/* Closes what the daemon left open, such as a socket that systemd passed to it. */
static void close_stray_files(void) {
    if (syscall(SYS_close_range, 3U, ~0U, 0U) == 0)
        return;
    for (int fd = (int)sysconf(_SC_OPEN_MAX) - 1; fd > STDERR_FILENO; fd--) /* a kernel before 5.9 */
        close(fd);
}

static void block_signals(void) {
    sigset_t all, child;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL); /* agents inherit the dispositions */
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    ended_shims = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void become_shim(struct request *request) {
    pid_t fork_server = getppid();
    struct group group;
    close(ended_shims);
    munmap(input, input_room); /* it may have other requests */
    prctl(PR_SET_NAME, "luzia-shim", 0, 0, 0);
    /* A shim outlives the daemon: it must not keep the daemon's stderr open, which may be a pipe. */
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(null, STDIN_FILENO);
    dup2(null, STDERR_FILENO);
    if (null > STDERR_FILENO)
        close(null);
    run_attempt(request, base, boot_id);
    if (getppid() != fork_server) { /* which would delete it */
        name_group(&group, base, getpid(), start_time_of(getpid()));
        remove_group(&group);
    }
    _exit(0);
}

static void remember(pid_t pid, unsigned long long start_time) {
    if (shim_count == shim_room) {
        shim_room = shim_room == 0 ? 64 : 2 * shim_room;
        shims = realloc(shims, shim_room * sizeof *shims);
        if (shims == NULL)
            abort(); /* the daemon starts another fork server */
    }
    shims[shim_count++] = (struct shim){pid, start_time};
}

/* Reaps the shims that have ended, and deletes what they leave. */
static void reap_shims(void) {
    struct group group;
    for (pid_t pid; (pid = waitpid(-1, NULL, WNOHANG)) > 0;)
        for (size_t i = 0; i < shim_count; i++)
            if (shims[i].pid == pid) {
                name_group(&group, base, pid, shims[i].start_time);
                remove_group(&group);
                shims[i] = shims[--shim_count];
                break;
            }
}

static void start_shim(const char *line, size_t size) {
    struct request request;
    struct record fields = {.size = 0};
    if (!read_request(line, size, &request)) {
        static const char message[] = "luzia-forks: invalid request\n";
        write_all(STDERR_FILENO, message, sizeof message - 1);
        exit(1);
    }
    pid_t pid = fork();
    if (pid == 0)
        become_shim(&request);
    if (pid > 0) {
        remember(pid, start_time_of(pid)); /* only this process reaps it, so its entry in /proc exists */
        put(&fields, ", \"pid\": %d, \"start_time\": %llu", (int)pid, shims[shim_count - 1].start_time);
    } else {
        struct failure failure = {0};
        fail(&failure, "cannot start: ", NULL);
        put(&fields, ", \"shortage\": %s, \"refused\": ", is_shortage(failure.code) ? "true" : "false");
        put_string(&fields, failure.text);
    }
    while (!send_reply(&request, fields.at))
        ; /* the pipe is full */
    forget_request(&request);
}

/* Reads requests, and starts an attempt for each; false at the end of the input. */
static bool read_requests(void) {
    if (input_room - input_size < CHUNK_BYTES) {
        char *grown = mremap(input, input_room, 2 * input_room, MREMAP_MAYMOVE);
        if (grown == MAP_FAILED)
            abort(); /* the daemon starts another fork server */
        input = grown;
        input_room *= 2;
    }
    ssize_t more = read(REQUESTS, input + input_size, CHUNK_BYTES);
    if (more <= 0)
        return more < 0 && errno == EINTR;
    char *begin = input, *at = input + input_size, *end = at + more, *newline;
    for (; (newline = memchr(at, '\n', (size_t)(end - at))) != NULL; begin = at = newline + 1)
        start_shim(begin, (size_t)(newline - begin));
    input_size = (size_t)(end - begin);
    memmove(input, begin, input_size);
    return true;
}

int main(int argc, char **argv) {
    struct signalfd_siginfo info;
    if (argc != 3) {
        fputs("luzia-forks is only a part of luziad, which starts it\n", stderr);
        return 2;
    }
    base = argv[1];
    boot_id = argv[2];
    close_stray_files();
    block_signals();
    fcntl(REPLIES, F_SETFL, fcntl(REPLIES, F_GETFL) | O_NONBLOCK);
    prctl(PR_SET_NAME, "luzia-forks", 0, 0, 0);
    input_room = 2 * CHUNK_BYTES;
    input = mmap(NULL, input_room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (ended_shims < 0 || input == MAP_FAILED)
        return 1;
    struct pollfd events[] = {{.fd = REQUESTS, .events = POLLIN}, {.fd = ended_shims, .events = POLLIN}};
    while (poll(events, 2, -1) >= 0 || errno == EINTR) {
        if (events[1].revents != 0) {
            while (read(ended_shims, &info, sizeof info) > 0)
                ; /* one signal may stand for several shims */
            reap_shims();
        }
        if (events[0].revents != 0 && !read_requests())
            return 0;
    }
    return 1;
}

/* Supervises an agent's process tree until no process is left, and limits its output meanwhile. See
   tree_supervisor.py for the signals. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "supervise.h"

static const double LEFTOVER_GRACE_S = 2.0, SETTLED_S = 0.05, CHECK_PAUSE_S = 0.2;
static const double FIRST_KILL_PAUSE_S = 0.02, LONGEST_KILL_PAUSE_S = 1.0, NEVER = 1e18;

struct supervisor {
    struct attempt *attempt;
    sigset_t signals;
    double settle_at, kill_at, kill_pause_s; /* NEVER when it is over, or not known yet */
    bool cancelled, ended, stopped, is_shutdown, paused, is_frozen, is_limited;
};

static void resume(struct supervisor *own) {
    if (own->paused && own->is_frozen)
        write_group(&own->attempt->group, "cgroup.freeze", "0");
    else if (own->paused)
        signal_below(getpid(), SIGCONT);
    own->paused = false;
}

static void handle_signal(struct supervisor *own, const siginfo_t *info) {
    struct attempt *attempt = own->attempt;
    if (info->si_signo == SIGTERM) {
        own->cancelled = true;
        own->is_shutdown = own->is_shutdown || is_shutdown(info->si_pid);
    } else if (info->si_signo == SIGTSTP && !own->cancelled && !own->ended) {
        own->paused = true;
        own->is_frozen = write_group(&attempt->group, "cgroup.freeze", "1");
        if (!own->is_frozen)
            stop_below(getpid());
    } else if (info->si_signo == SIGCONT) {
        resume(own);
    } else if (info->si_signo == SIGIO) {
        attempt->output.due = seconds(CLOCK_MONOTONIC) + CHECK_PAUSE_S;
    } else if (info->si_signo == SIGUSR1 && attempt->stdin_fifo >= 0) {
        close(attempt->stdin_fifo);
        attempt->stdin_fifo = NONE;
    }
}

/* Waits for one of the signals, and handles it. */
static void wait_for_signal(struct supervisor *own, const sigset_t *signals, double until) {
    siginfo_t info;
    double left_s = until - seconds(CLOCK_MONOTONIC);
    left_s = left_s > 0 ? left_s : 0;
    struct timespec timeout = {.tv_sec = (time_t)left_s, .tv_nsec = (long)((left_s - (double)(time_t)left_s) * 1e9)};
    if ((until >= NEVER ? sigwaitinfo(signals, &info) : sigtimedwait(signals, &info, &timeout)) > 0)
        handle_signal(own, &info);
}

/* Reaps ended children; false when nothing is left to supervise. */
static bool reap(struct supervisor *own) {
    struct rusage usage;
    sigset_t cancel;
    int status;
    pid_t pid;
    sigemptyset(&cancel);
    sigaddset(&cancel, SIGTERM);
    while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
        if (pid != own->attempt->agent)
            continue;
        own->ended = true;
        wait_for_signal(own, &cancel, 0); /* at a shutdown, both get it at the same time */
        record_end(own->attempt, status, &usage, own->stopped, own->is_shutdown);
    }
    bool is_kept = own->ended && own->attempt->request->keep_children && !own->cancelled;
    return pid == 0 && !is_kept;
}

/* Whether the result of a check of the output can be used; the output is not limited where the file system cannot. */
static void checked(struct supervisor *own, bool is_done) {
    struct record fields = {.size = 0};
    if (is_done || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL))
        return;
    own->is_limited = false;
    put(&fields, ", \"problem\": \"its output cannot be limited on this file system: %s\"", strerror(errno));
    send_reply(own->attempt->request, fields.at);
}

/* Limits the output once the agent is no short command, and checks it when it is time; returns when to do so next. */
static double check_output(struct supervisor *own) {
    struct output *output = &own->attempt->output;
    double now = seconds(CLOCK_MONOTONIC);
    if (now >= own->settle_at) {
        own->settle_at = NEVER;
        keep_job_only(own->attempt->request);
        checked(own, watch_output(output));
    } else if (own->is_limited && output->due != 0 && now >= output->due) {
        output->due = 0;
        checked(own, watch_output(output));
    }
    double due = own->is_limited && output->due != 0 ? output->due : NEVER;
    return due < own->settle_at ? due : own->settle_at;
}

/* Ends the tree step by step if it is time; returns when the next step is. */
static double end_tree(struct supervisor *own) {
    double now = seconds(CLOCK_MONOTONIC), grace_s = own->attempt->request->grace_s;
    if (!own->ended && !own->cancelled)
        return NEVER;
    if (own->kill_at >= NEVER) {
        own->stopped = !own->ended;
        resume(own);
        signal_below(getpid(), SIGTERM);
        own->kill_at = now + (own->ended && grace_s > LEFTOVER_GRACE_S ? LEFTOVER_GRACE_S : grace_s);
    }
    if (now < own->kill_at)
        return own->kill_at;
    write_group(&own->attempt->group, "cgroup.kill", "1"); /* also processes that are being forked */
    signal_below(getpid(), SIGKILL);                       /* also processes that were moved to another cgroup */
    double pause_s = own->kill_pause_s;
    own->kill_pause_s = 2 * pause_s < LONGEST_KILL_PAUSE_S ? 2 * pause_s : LONGEST_KILL_PAUSE_S;
    return now + pause_s;
}

void supervise(struct attempt *attempt) {
    static const int signals[] = {SIGCHLD, SIGTERM, SIGTSTP, SIGCONT, SIGIO, SIGUSR1};
    struct supervisor own = {
        .attempt = attempt,
        .settle_at = seconds(CLOCK_MONOTONIC) + SETTLED_S,
        .kill_at = NEVER,
        .kill_pause_s = FIRST_KILL_PAUSE_S,
        .is_limited = true,
    };
    sigemptyset(&own.signals);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaddset(&own.signals, signals[i]);
    while (reap(&own)) {
        double check_at = check_output(&own), step_at = end_tree(&own);
        wait_for_signal(&own, &own.signals, check_at < step_at ? check_at : step_at);
    }
    resume(&own); /* children that are kept must not stay paused */
    if (own.is_limited)
        checked(&own, trim_output(&attempt->output));
}

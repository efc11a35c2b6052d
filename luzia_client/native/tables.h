/* Made by `make generate` from the tables of the Python program; do not edit. */

#ifndef LUZIA_TABLES_H
#define LUZIA_TABLES_H

#define SYSTEM_RUNTIME_DIR "/run/luzia"

#define ATTENTION_KINDS "[\"asked\",\"held\"]"

#define FOLLOWED_KINDS "[\"dispatched\",\"starting\",\"ended\",\"removed\",\"asked\",\"held\"]"

enum {
    EXIT_BUG = 70,
    EXIT_INPUT_OUTPUT = 74,
    EXIT_INTERRUPTED = 130,
    EXIT_BROKEN_PIPE = 141,
    EXIT_WAIT_TIMED_OUT = 124,
    MAX_TASK_BYTES = 1048576,
    MAX_FRAME_BYTES = 4194304,
    MAX_OUTPUT_BYTES = 1048576,
    REPLY_TIMEOUT_S = 30,
};

enum kind { PYTHON, NOTHING, ARGUMENT, TEXT, SWITCH, DIRECTORY, DURATION, TAG, JOBS, COUNT, LIST, BACKOFF, RESOURCES, NUMBER, DOLLARS, SIZE, PRIORITY };

enum combination { REPLACE, APPEND, MERGE, REFUSE };

struct option {
    const char *name, *field;
    enum kind kind;
    enum combination combination;
    int takes_value, is_for_agents;
};

static const struct option OPTIONS[] = {
    {"--model", "model", TEXT, REPLACE, 1, 1},
    {"--permission-mode", "permission_mode", TEXT, REPLACE, 1, 1},
    {"--agent-arg", "args", ARGUMENT, APPEND, 1, 1},
    {"--ask", "ask", SWITCH, REPLACE, 0, 1},
    {"--no-ask", "ask", SWITCH, REPLACE, 0, 1},
    {"--tag", "tags", TAG, MERGE, 1, 0},
    {"--name", "name", TEXT, REPLACE, 1, 0},
    {"--notify", "tags", PYTHON, MERGE, 1, 0},
    {"--no-notify", "tags", PYTHON, MERGE, 0, 0},
    {"--detach", "parent", NOTHING, REPLACE, 0, 0},
    {"--cwd", "cwd", DIRECTORY, REPLACE, 1, 0},
    {"--worktree", "worktree", SWITCH, REPLACE, 0, 0},
    {"--no-worktree", "worktree", SWITCH, REPLACE, 0, 0},
    {"--base", "base", TEXT, REPLACE, 1, 0},
    {"--cpus", "cpus", NUMBER, REPLACE, 1, 0},
    {"--memory", "memory_bytes", SIZE, REPLACE, 1, 0},
    {"--needs", "needs", RESOURCES, MERGE, 1, 0},
    {"--gpus", "gpus", NUMBER, REPLACE, 1, 0},
    {"--on", "executor", TEXT, REPLACE, 1, 0},
    {"--priority", "priority", PRIORITY, REPLACE, 1, 0},
    {"--in", "start_in_s", DURATION, REFUSE, 1, 0},
    {"--at", "not_before", PYTHON, REFUSE, 1, 0},
    {"--hold", "hold", SWITCH, REPLACE, 0, 0},
    {"--expires", "expires_s", DURATION, REPLACE, 1, 0},
    {"--after", "after", JOBS, APPEND, 1, 0},
    {"--after-any", "after_any", JOBS, APPEND, 1, 0},
    {"--after-fail", "after_fail", JOBS, APPEND, 1, 0},
    {"--with-work", "with_work", SWITCH, REPLACE, 0, 0},
    {"--review", "review", SWITCH, REPLACE, 0, 0},
    {"--timeout", "timeout_s", DURATION, REPLACE, 1, 0},
    {"--job-timeout", "job_timeout_s", DURATION, REPLACE, 1, 0},
    {"--stall-timeout", "stall_timeout_s", DURATION, REPLACE, 1, 0},
    {"--max-turns", "max_turns", COUNT, REPLACE, 1, 1},
    {"--max-cost", "max_cost_usd", DOLLARS, REPLACE, 1, 1},
    {"--max-memory", "max_memory_bytes", SIZE, REPLACE, 1, 0},
    {"--max-cpus", "max_cpus", NUMBER, REPLACE, 1, 0},
    {"--max-processes", "max_processes", COUNT, REPLACE, 1, 0},
    {"--retries", "retries", COUNT, REPLACE, 1, 0},
    {"--retry-on", "retry_on", LIST, REPLACE, 1, 0},
    {"--backoff", "backoff_s", BACKOFF, REPLACE, 1, 0},
    {"--no-auto-resume", "auto_resume", SWITCH, REPLACE, 0, 1},
};

static const struct { const char *name, *option; } COMMON_OPTIONS[] = {
    {"-a", "--agent"},
    {"--agent", "--agent"},
    {"-e", "--env"},
    {"--env", "--env"},
    {"--key", "--key"},
};

static const char *const FLAGS[] = {
    "-q",
    "--quiet",
    "--json",
    "-h",
    "--help",
};

static const char *const COMMANDS[] = {
    "dispatch",
    "run",
    "batch",
    "graph",
    "schedule",
    "race",
    "again",
    "retry",
    "send",
    "attach",
    "detach",
    "adopt-session",
    "jobs",
    "why",
    "top",
    "web",
    "logs",
    "follow",
    "wait",
    "search",
    "spend",
    "stats",
    "shell",
    "cancel",
    "pause",
    "resume",
    "hold",
    "release",
    "edit",
    "answer",
    "progress",
    "remove",
    "review",
    "diff",
    "races",
    "open",
    "merge",
    "collisions",
    "merge-order",
    "accept",
    "reject",
    "clean",
    "discard",
    "restore-work",
    "init",
    "config",
    "projects",
    "hosts",
    "agents",
    "daemon",
    "drain",
    "doctor",
    "notify",
    "metrics",
    "export",
    "import",
    "mcp",
    "completions",
    "demo",
    "version",
    "help",
    "ls",
    "ps",
    "status",
    "show",
    "info",
    "log",
    "kill",
    "stop",
    "rm",
    "add",
};

/* Commands that Python runs, and that are over soon. */

static const char *const SHORT_COMMANDS[] = {
    "jobs",
    "logs",
    "ls",
    "ps",
    "status",
    "show",
    "info",
    "log",
    "help",
    "--help",
    "-h",
    "--complete",
};

static const char *const INHERITED_VARIABLES[] = {
    "ALL_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "LANG",
    "LANGUAGE",
    "NO_PROXY",
    "PATH",
    "SSH_AUTH_SOCK",
    "TZ",
    "all_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
};

static const struct { const char *name; double seconds; } UNITS[] = {
    {"ms", 0.001},
    {"s", 1.0},
    {"m", 60.0},
    {"h", 3600.0},
    {"d", 86400.0},
    {"w", 604800.0},
};

static const double MAX_DURATION_S = 1000000000.0;

/* Final states, the least severe first, and outcomes with an exit status of their own. */

static const struct { const char *name; int status; } STATES[] = {
    {"completed", 0},
    {"skipped", 8},
    {"cancelled", 5},
    {"timed_out", 6},
    {"failed", 1},
    {"lost", 7},
};

static const struct { const char *name; int status; } OUTCOMES[] = {
    {"expired", 9},
    {"stalled", 10},
    {"overdue", 11},
    {"usage_limited", 12},
    {"over_budget", 13},
};

/* Ranges of characters. */

static const int WHITE_SPACE[][2] = {
    {0x9, 0xd},
    {0x1c, 0x20},
    {0x85, 0x85},
    {0xa0, 0xa0},
    {0x1680, 0x1680},
    {0x2000, 0x200a},
    {0x2028, 0x2029},
    {0x202f, 0x202f},
    {0x205f, 0x205f},
    {0x3000, 0x3000},
};

static const int UNSAFE[][2] = {
    {0x0, 0x1f},
    {0x7f, 0x9f},
    {0x61c, 0x61c},
    {0x200e, 0x200f},
    {0x2028, 0x202e},
    {0x2066, 0x2069},
    {0xd800, 0xdfff},
    {0xfff9, 0xfffb},
};

#endif

/* Limits the output of an attempt by dropping the oldest; offsets do not change. See output_limit.py. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervise.h"

static const char *const NAMES[] = {"stdout", "stderr"};
enum { STREAMS = 2 };

bool watch_output(struct output *output) {
    return fcntl(output->directory, F_NOTIFY, DN_MODIFY) == 0 && trim_output(output);
}

/* Finds the sizes. A file that no longer has what it had at its previous end was truncated by the job. */
void look_at_output(struct output *output) {
    for (int i = 0; i < STREAMS; i++) {
        char mark[sizeof output->streams[i].mark];
        size_t size = output->streams[i].mark_size;
        off_t end = output->streams[i].end;
        int fd = open_regular(output->directory, NAMES[i], O_RDONLY);
        struct stat found;
        output->streams[i].end = 0;
        output->streams[i].mark_size = 0;
        if (fd < 0)
            continue; /* it does not exist yet, or the agent has replaced it by something else */
        if (pread(fd, mark, size, end - (off_t)size) != (ssize_t)size || memcmp(mark, output->streams[i].mark, size) != 0) {
            output->streams[i].begin = 0;
            output->lost_bytes += i == 0 ? end : 0;
        }
        if (fstat(fd, &found) == 0) {
            size = found.st_size < (off_t)sizeof mark ? (size_t)found.st_size : sizeof mark;
            ssize_t got = pread(fd, output->streams[i].mark, size, found.st_size - (off_t)size);
            output->streams[i].mark_size = got > 0 ? (size_t)got : 0;
            output->streams[i].end = found.st_size;
        }
        close(fd);
    }
}

/* Drops the output of a file before `end`, up to a block boundary. */
static bool punch(struct output *output, int stream, off_t end) {
    int fd = open_regular(output->directory, NAMES[stream], O_WRONLY);
    struct stat found;
    if (fd < 0)
        return false;
    bool is_done = fstat(fd, &found) == 0;
    if (is_done) {
        off_t begin = (end + found.st_blksize - 1) / found.st_blksize * found.st_blksize;
        is_done = fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, begin) == 0;
        if (is_done)
            output->streams[stream].begin = begin;
    }
    close(fd);
    return is_done;
}

bool trim_output(struct output *output) {
    long long kept[STREAMS], all = 0, goal = output->limit - output->limit / 8; /* spare room: not every write trims */
    look_at_output(output);
    for (int i = 0; i < STREAMS; i++)
        all += kept[i] = output->streams[i].end - output->streams[i].begin;
    for (int i = 0; all > output->limit && i < STREAMS; i++) {
        long long others = goal - (all - kept[i]), keep = others > goal / 2 ? others : goal / 2;
        if (kept[i] > keep && !punch(output, i, output->streams[i].end - keep))
            return false;
    }
    return true;
}

/* Preloaded into a process: fsync and fdatasync of a file whose path holds STALL_PATH wait as long as STALL_WHILE exists. */
#define _GNU_SOURCE
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void stall(int fd) {
    const char *part = getenv("STALL_PATH"), *gate = getenv("STALL_WHILE");
    char name[64], path[PATH_MAX + 1];
    if (!part || !gate)
        return;
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(name, path, PATH_MAX);
    if (length < 0)
        return;
    path[length] = 0;
    while (strstr(path, part) && access(gate, F_OK) == 0)
        usleep(1000);
}

int fsync(int fd) {
    stall(fd);
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
    stall(fd);
    return (int)syscall(SYS_fdatasync, fd);
}

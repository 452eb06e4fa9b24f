/* Makes the Nth file operation below a folder fail. Loaded into the victim by LD_PRELOAD and told what to do by names
 * that the victim opens:
 *
 *     /agon-faults/<N>/<error>/<sticky>/<folder>   from now on count, and fail operation N (sticky: all from N on)
 *     /agon-faults/off                             stop; the answer is EEXIST when a fault was put in, ENOENT when not
 *
 * An error of 0 counts writes only and lets a write go halfway through; -1 does the same and kills the process there; -2
 * counts writes and renames, and claims success without doing anything. Nothing is brought to disk: fsync only counts. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define LIE -2

static char folder[4096];
static long target, count;
static int error, sticky, fired;
static char watched[4096];

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int is_below(const char *path) {
    return target > 0 && strncmp(path, folder, strlen(folder)) == 0;
}

static int is_watched(int fd) {
    return target > 0 && fd >= 0 && fd < (int)sizeof watched && watched[fd];
}

/* Whether the operation that is about to happen is to fail. */
static int is_hit(void) {
    count++;
    if (count == target || (sticky && count > target)) {
        fired = 1;
        return 1;
    }
    return 0;
}

/* For every operation that cannot go halfway. */
static int fails(void) {
    if (error <= 0 || !is_hit())
        return 0;
    errno = error;
    return 1;
}

static int command(const char *path) {
    if (strcmp(path, "/agon-faults/off") == 0) {
        target = 0;
        errno = fired ? EEXIST : ENOENT;
    } else {
        sscanf(path, "/agon-faults/%ld/%d/%d%4095s", &target, &error, &sticky, folder);
        count = fired = 0;
        errno = ENOENT;
    }
    return -1;
}

/* A path by itself, or a name in a folder that is open. */
static int is_reached(int folder_fd, const char *path) {
    return is_below(path) || (path[0] != '/' && is_watched(folder_fd));
}

static int opened(int fd, int is_ours) {
    if (fd >= 0 && fd < (int)sizeof watched)
        watched[fd] = is_ours;
    return fd;
}

static mode_t mode_of(int flags, va_list rest) {
    return flags & O_CREAT ? va_arg(rest, mode_t) : 0;
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = mode_of(flags, rest);
    va_end(rest);
    if (strncmp(path, "/agon-faults/", 13) == 0)
        return command(path);
    if (is_below(path) && fails())
        return -1;
    return opened(REAL(open64)(path, flags, mode), is_below(path));
}

int openat64(int folder_fd, const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = mode_of(flags, rest);
    va_end(rest);
    int is_ours = is_reached(folder_fd, path);
    if (is_ours && fails())
        return -1;
    return opened(REAL(openat64)(folder_fd, path, flags, mode), is_ours);
}

int close(int fd) {
    if (fd >= 0 && fd < (int)sizeof watched)
        watched[fd] = 0;
    return REAL(close)(fd);
}

ssize_t write(int fd, const void *bytes, size_t len) {
    if (is_watched(fd)) {
        if (error > 0 && fails())
            return -1;
        if (error == LIE && is_hit())
            return len;
        if (error > LIE && error <= 0 && is_hit()) {
            ssize_t written = REAL(write)(fd, bytes, len > 1 ? len / 2 : len);
            if (error < 0)
                kill(getpid(), SIGKILL);
            return written;
        }
    }
    return REAL(write)(fd, bytes, len);
}

ssize_t read(int fd, void *bytes, size_t len) {
    return is_watched(fd) && fails() ? -1 : REAL(read)(fd, bytes, len);
}

int fsync(int fd) {
    if (is_watched(fd) && fcntl(fd, F_GETFL) & O_PATH) {
        errno = EBADF;
        return -1;
    }
    return is_watched(fd) ? -fails() : 0;
}

int renameat(int from_fd, const char *from, int to_fd, const char *to) {
    if (is_reached(from_fd, from) && error == LIE && is_hit())
        return 0;
    return is_reached(from_fd, from) && fails() ? -1 : REAL(renameat)(from_fd, from, to_fd, to);
}

int unlinkat(int folder_fd, const char *path, int flags) {
    return is_reached(folder_fd, path) && fails() ? -1 : REAL(unlinkat)(folder_fd, path, flags);
}

int ftruncate64(int fd, off64_t len) {
    return is_watched(fd) && fails() ? -1 : REAL(ftruncate64)(fd, len);
}

int mkdirat(int folder_fd, const char *path, mode_t mode) {
    return is_reached(folder_fd, path) && fails() ? -1 : REAL(mkdirat)(folder_fd, path, mode);
}

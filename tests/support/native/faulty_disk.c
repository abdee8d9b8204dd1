/* A disk that fails, dies or forgets at the call that a test names. Preloaded into a node (see faulty_disk.py).
 *
 * It sees each call that changes what is below one folder: writes, syncs, truncations, files made, renamed and removed.
 * It numbers them over all threads of the process. At the number asked for it does what the test asked for. It also
 * remembers what was not yet synced, so that it can take it away, as a reboot does.
 *
 * What a sync makes durable: the bytes of its file, and the file's own name if it is new (as ext4, XFS and Btrfs do); the
 * sync of a folder, what was renamed or removed in it. Everything else may be lost, all of it or any part.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { NOTHING, FAIL, FAIL_AFTER, FAIL_ON, KILL, KILL_AFTER, TORN, REBOOT, REBOOT_PART };

#define NAMES 4096
#define NAME 64
#define READERS 1024

struct control { /* shared with the test; faulty_disk.py has the same layout */
    uint32_t armed, action, at, error, seed, seen, fired, spare;
    char names[NAMES][NAME];
};

enum kind { WRITE, CUT, MADE, LINKED, RENAMED, REMOVED };

struct change { /* what was done since the last sync, newest first */
    struct change *older, *newer;
    enum kind kind;
    dev_t device;
    ino_t inode;
    off_t offset, size; /* the file's size before */
    size_t length;      /* of `before` and `after` */
    char *before, *after;
    char *path, *now;   /* its name then, and after renames */
    char *other, *saved;
};

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static struct control *control;
static char folder[PATH_MAX];
static size_t folder_length;
static struct change *newest;
static unsigned saved;

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) abort();
    return found;
}

/* Called by the child once it runs: `file` holds the control block, changes below `below` count. */
int faulty_disk_begin(const char *file, const char *below) {
    int fd = REAL(open)(file, O_RDWR);
    if (fd < 0 || !realpath(below, folder)) return -1;
    folder_length = strlen(folder);
    control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    REAL(close)(fd);
    return control == MAP_FAILED ? -1 : 0;
}

/* ------------------------------------------------------------ whose call it is */

static int below(const char *path) {
    return control && !strncmp(path, folder, folder_length) && path[folder_length] == '/';
}

static int absolute(int at, const char *path, char *out) {
    char base[PATH_MAX], link[64];
    if (path[0] == '/') return snprintf(out, PATH_MAX, "%s", path) < PATH_MAX;
    if (at == AT_FDCWD) {
        if (!getcwd(base, sizeof base)) return 0;
    } else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", at);
        ssize_t length = readlink(link, base, sizeof base - 1);
        if (length < 0) return 0;
        base[length] = 0;
    }
    return snprintf(out, PATH_MAX, "%s/%s", base, path) < PATH_MAX;
}

static int named(int at, const char *path, char *out) { return control && absolute(at, path, out) && below(out); }

static int ours(int fd, char *out) {
    char link[64];
    if (!control) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, out, PATH_MAX - 1);
    if (length < 0) return 0;
    out[length] = 0;
    return below(out) || !strcmp(out, folder);
}

/* ------------------------------------------------------------ what was not synced */

static struct change *remember(enum kind kind, const char *path, const struct stat *file) {
    struct change *change = calloc(1, sizeof *change);
    if (!change) abort();
    change->kind = kind;
    change->device = file->st_dev;
    change->inode = file->st_ino;
    change->size = file->st_size;
    change->path = strdup(path);
    change->now = strdup(path);
    change->older = newest;
    if (newest) newest->newer = change;
    newest = change;
    return change;
}

static void forget(struct change *change) {
    if (change->newer) change->newer->older = change->older;
    else newest = change->older;
    if (change->older) change->older->newer = change->newer;
    if (change->saved) REAL(unlink)(change->saved);
    free(change->before);
    free(change->after);
    free(change->path);
    free(change->now);
    free(change->other);
    free(change->saved);
    free(change);
}

static int lies_in(const char *path, const char *parent) {
    size_t length = strlen(parent);
    return !strncmp(path, parent, length) && path[length] == '/' && !strchr(path + length + 1, '/');
}

static void synced(int fd, const char *path) {
    struct stat file;
    if (fstat(fd, &file)) return;
    for (struct change *change = newest, *older; change; change = older) {
        older = change->older;
        int same = change->device == file.st_dev && change->inode == file.st_ino;
        int name = S_ISDIR(file.st_mode) && change->kind >= MADE && lies_in(change->path, path);
        if (name || (same && change->kind <= MADE)) forget(change);
    }
}

/* A way to read a file whose own descriptor may only write. It is never closed: closing any descriptor of a file drops
 * all locks that the process holds on it, and SQLite's locks are such. */
static int reader(const char *path, const struct stat *file) {
    static struct { dev_t device; ino_t inode; int fd; } kept[READERS];
    static unsigned count;
    for (unsigned each = 0; each < count; each++)
        if (kept[each].device == file->st_dev && kept[each].inode == file->st_ino) return kept[each].fd;
    if (count == READERS) abort();
    kept[count].device = file->st_dev;
    kept[count].inode = file->st_ino;
    kept[count].fd = REAL(open)(path, O_RDONLY | O_CLOEXEC);
    return kept[count++].fd;
}

static void will_write(int fd, const char *path, const char *data, size_t length, off_t offset) {
    struct stat file;
    if (fstat(fd, &file) || !S_ISREG(file.st_mode)) return;
    struct change *change = remember(WRITE, path, &file);
    change->offset = offset;
    change->length = length;
    change->before = calloc(1, length + 1);
    change->after = malloc(length + 1);
    if (!change->before || !change->after) abort();
    memcpy(change->after, data, length);
    if (pread(reader(path, &file), change->before, length, offset) < 0) abort();
}

static void will_cut(int fd, const char *path, off_t size) {
    struct stat file;
    if (fstat(fd, &file) || !S_ISREG(file.st_mode)) return;
    struct change *change = remember(CUT, path, &file);
    change->offset = size;
    if (size >= file.st_size) return;
    change->length = file.st_size - size;
    change->before = calloc(1, change->length + 1);
    if (!change->before || pread(reader(path, &file), change->before, change->length, size) < 0) abort();
}

/* A second name beside the folder, so that what is replaced or removed can come back. */
static void will_remove(enum kind kind, const char *path, const char *other) {
    struct stat file;
    if (stat(path, &file)) return;
    struct change *change = remember(kind, path, &file);
    if (asprintf(&change->other, "%s", other) < 0) abort();
    if (asprintf(&change->saved, "%s.saved-%d-%u", folder, getpid(), saved++) < 0) abort();
    if (REAL(link)(kind == RENAMED ? other : path, change->saved)) {
        free(change->saved);
        change->saved = NULL;
    }
}

static void was_renamed(const char *other) {
    for (struct change *change = newest->older; change; change = change->older)
        if (change->device == newest->device && change->inode == newest->inode) {
            free(change->now);
            change->now = strdup(other);
        }
}

static void put(const char *path, const char *data, size_t length, off_t offset, off_t size) {
    int fd = REAL(open)(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    if (length && REAL(pwrite)(fd, data, length, offset) < 0) abort();
    if (size >= 0 && REAL(ftruncate)(fd, size)) abort();
    REAL(close)(fd);
}

static void undo(const struct change *change, const char *path) {
    switch (change->kind) {
    case WRITE:
    case CUT: put(path, change->before, change->length, change->offset, change->size); break;
    case MADE:
    case LINKED: REAL(unlink)(path); break;
    case RENAMED: REAL(rename)(change->other, path); break;
    case REMOVED: break;
    }
    if (change->saved) REAL(rename)(change->saved, change->kind == RENAMED ? change->other : path);
}

static void redo(const struct change *change) {
    struct stat file;
    if (stat(change->now, &file)) return;
    if (change->kind == WRITE) {
        off_t end = change->offset + (off_t)change->length;
        put(change->now, change->after, change->length, change->offset, end > file.st_size ? end : file.st_size);
    } else if (change->kind == CUT) {
        put(change->now, NULL, 0, 0, change->offset);
    }
}

/* Take away what was not synced: the names and all bytes, or each write with even odds. */
static void reboot(int part) {
    struct change *oldest = newest;
    for (struct change *change = newest; change; change = change->older) {
        if (!part || change->kind <= CUT) undo(change, part ? change->now : change->path);
        oldest = change;
    }
    if (!part) return;
    srand(control->seed);
    for (struct change *change = oldest; change; change = change->newer)
        if (rand() & 4) redo(change);
}

/* ------------------------------------------------------------ the call that a test names */

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* Count a call; what to do with it. */
static int chosen(const char *call, const char *path) {
    if (!control->armed) return NOTHING;
    uint32_t number = ++control->seen;
    if (number <= NAMES) {
        const char *rest = strlen(path) > folder_length ? path + folder_length + 1 : ".";
        snprintf(control->names[number - 1], NAME, "%s %s", call, rest);
    }
    if (control->action == FAIL_ON ? number < control->at : number != control->at) return NOTHING;
    control->fired = 1;
    switch (control->action) {
    case KILL: die(); break;
    case REBOOT: reboot(0); die(); break;
    case REBOOT_PART: reboot(1); die(); break;
    }
    return control->action;
}

static int refuses(int action) { return action == FAIL || action == FAIL_ON; }

/* After the call was made: its result, or the failure that hides it. */
static ssize_t done(int action, ssize_t result) {
    if (action == KILL_AFTER) die();
    if (action == FAIL_AFTER) {
        errno = (int)control->error;
        return -1;
    }
    return result;
}

#define GUARDED(call, path, before, made, after)                     \
    ({                                                               \
        pthread_mutex_lock(&turn);                                   \
        int action = chosen(call, path);                             \
        ssize_t result = -1;                                         \
        if (refuses(action)) errno = (int)control->error;            \
        else {                                                       \
            before;                                                  \
            if (action == TORN) { made; die(); }                     \
            result = made;                                           \
            int error = errno;                                       \
            if (result >= 0) after;                                  \
            errno = error;                                           \
            result = done(action, result);                           \
        }                                                            \
        int error = errno;                                           \
        pthread_mutex_unlock(&turn);                                 \
        errno = error;                                               \
        result;                                                      \
    })

/* ------------------------------------------------------------ the calls */

#define HALF(length) (action == TORN ? (length) / 2 : (length))

static off_t place(int fd) { return fcntl(fd, F_GETFL) & O_APPEND ? lseek(fd, 0, SEEK_END) : lseek(fd, 0, SEEK_CUR); }

ssize_t write(int fd, const void *data, size_t length) {
    char path[PATH_MAX];
    if (!ours(fd, path)) return REAL(write)(fd, data, length);
    return GUARDED("write", path, will_write(fd, path, data, length, place(fd)), REAL(write)(fd, data, HALF(length)), (void)0);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) {
    char path[PATH_MAX];
    if (!ours(fd, path)) return REAL(pwrite64)(fd, data, length, offset);
    return GUARDED("write", path, will_write(fd, path, data, length, offset), REAL(pwrite64)(fd, data, HALF(length), offset), (void)0);
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) { return pwrite64(fd, data, length, offset); }

int fsync(int fd) {
    char path[PATH_MAX];
    if (!ours(fd, path)) return REAL(fsync)(fd);
    return (int)GUARDED("sync", path, , REAL(fsync)(fd), synced(fd, path));
}

int fdatasync(int fd) {
    char path[PATH_MAX];
    if (!ours(fd, path)) return REAL(fdatasync)(fd);
    return (int)GUARDED("sync", path, , REAL(fdatasync)(fd), synced(fd, path));
}

void sync(void) {
    REAL(sync)();
    if (!control) return;
    pthread_mutex_lock(&turn);
    while (newest) forget(newest);
    pthread_mutex_unlock(&turn);
}

int ftruncate64(int fd, off64_t size) {
    char path[PATH_MAX];
    if (!ours(fd, path)) return REAL(ftruncate64)(fd, size);
    return (int)GUARDED("truncate", path, will_cut(fd, path, size), REAL(ftruncate64)(fd, size), (void)0);
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

static void was_made(int fd, const char *path) {
    struct stat file;
    if (!fstat(fd, &file)) remember(MADE, path, &file);
}

static void was_linked(const char *path) {
    struct stat file;
    if (!stat(path, &file)) remember(LINKED, path, &file);
}

static int open_any(int at, const char *name, int flags, mode_t mode) {
    char path[PATH_MAX];
    struct stat file;
    __typeof__(&openat) call = REAL(openat);
    if (!(flags & O_CREAT) || !named(at, name, path) || !stat(path, &file)) return call(at, name, flags, mode);
    return (int)GUARDED("make", path, , call(at, name, flags, mode), was_made((int)result, path));
}

#define OPEN(call, first, given, at)                        \
    int call(first const char *name, int flags, ...) {      \
        mode_t mode = 0;                                    \
        if (flags & (O_CREAT | __O_TMPFILE)) {              \
            va_list rest;                                   \
            va_start(rest, flags);                          \
            mode = va_arg(rest, mode_t);                    \
            va_end(rest);                                   \
        }                                                   \
        return open_any(at, name, flags given, mode);       \
    }
#define WITH int at,
OPEN(open, , , AT_FDCWD)
OPEN(open64, , | O_LARGEFILE, AT_FDCWD)
OPEN(openat, WITH, , at)
OPEN(openat64, WITH, | O_LARGEFILE, at)

int linkat(int from, const char *name, int to, const char *other, int flags) {
    char path[PATH_MAX];
    if (!named(to, other, path)) return REAL(linkat)(from, name, to, other, flags);
    return (int)GUARDED("link", path, , REAL(linkat)(from, name, to, other, flags), was_linked(path));
}

int link(const char *name, const char *other) { return linkat(AT_FDCWD, name, AT_FDCWD, other, 0); }

int renameat(int from, const char *name, int to, const char *other) {
    char path[PATH_MAX], target[PATH_MAX];
    if (!named(to, other, target) || !absolute(from, name, path)) return REAL(renameat)(from, name, to, other);
    return (int)GUARDED("rename", target, will_remove(RENAMED, path, target), REAL(renameat)(from, name, to, other), was_renamed(target));
}

int rename(const char *name, const char *other) { return renameat(AT_FDCWD, name, AT_FDCWD, other); }

int unlinkat(int at, const char *name, int flags) {
    char path[PATH_MAX];
    if (flags || !named(at, name, path)) return REAL(unlinkat)(at, name, flags);
    return (int)GUARDED("remove", path, will_remove(REMOVED, path, ""), REAL(unlinkat)(at, name, flags), (void)0);
}

int unlink(const char *name) { return unlinkat(AT_FDCWD, name, 0); }

/*
 * Stands between a node and its disk: loaded by LD_PRELOAD, it makes writes and flushes of files under one directory fail or wait, as a page of shared memory says, and writes down
 * what would have to be undone if power were lost now: what stood where something was written since, and which names came, went or changed. The journal is written before what it is
 * about is done, so that a kill cannot come between. See interposed.ts for who uses it, journal.ts for what stands in the journal.
 *
 * Not seen: writes through mmap, fallocate, copy_file_range, sendfile, io_uring, descriptors made by dup, and files opened by fopen.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define SEEN __attribute__((visibility("default")))
#define MOST_DESCRIPTORS 65536
/* Of one overwritten or cut range; more than that is a trouble. */
#define MOST_REMEMBERED (64u << 20)
#define MOST_JOURNAL (2ull << 30)
#define ALWAYS 0xffffffffu

enum { ATTACHED = 1, WRITTEN, CUT, FLUSH_BEGINS, FLUSHED, FLUSH_FAILED, CREATED, RENAMED, REMOVED, SHORTER, CANCELLED };

/* Words of 32 bits; control.ts writes the first half and reads the second. */
struct control {
  uint32_t version;
  _Atomic uint32_t flushes_to_fail;
  _Atomic uint32_t write_error;
  _Atomic uint32_t flush_delay_ms;
  _Atomic uint32_t failed_flushes;
  _Atomic uint32_t failed_writes;
  _Atomic uint32_t slowed_flushes;
  _Atomic uint32_t troubles;
  _Atomic uint32_t flushes;
  _Atomic uint32_t writes;
  _Atomic uint32_t attached;
};

struct record {
  uint32_t length, kind;
  uint64_t inode, a, b, c;
  uint32_t first, second;
};

struct tracked {
  dev_t device;
  ino_t inode;
};

static struct control *control;
static char root[PATH_MAX], kept[PATH_MAX];
static size_t root_length;
static int journal = -1;
static uint64_t journal_bytes, next_number;
static struct tracked tracked[MOST_DESCRIPTORS];
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;

static void trouble(void) { control->troubles++; }

/* Under the lock. */
static void remember(uint32_t kind, uint64_t inode, uint64_t a, uint64_t b, uint64_t c, const void *first, size_t first_length,
                     const void *second, size_t second_length) {
  struct record record = {
      .length = (uint32_t)(sizeof(struct record) + first_length + second_length),
      .kind = kind, .inode = inode, .a = a, .b = b, .c = c, .first = (uint32_t)first_length, .second = (uint32_t)second_length};
  struct iovec parts[3] = {{&record, sizeof record}, {(void *)first, first_length}, {(void *)second, second_length}};
  int saved = errno;
  if (journal_bytes + record.length > MOST_JOURNAL || syscall(SYS_writev, journal, parts, 3) != (long)record.length) trouble();
  else journal_bytes += record.length;
  errno = saved;
}

/* What a kill has left half-written at the end goes. */
static void mend_journal(void) {
  struct stat stats;
  if (fstat(journal, &stats) != 0 || stats.st_size == 0) return;
  size_t at = 0, size = (size_t)stats.st_size;
  char *bytes = mmap(NULL, size, PROT_READ, MAP_SHARED, journal, 0);
  if (bytes == MAP_FAILED) return trouble();
  while (at + sizeof(struct record) <= size) {
    const struct record *record = (const struct record *)(bytes + at);
    uint32_t length;
    memcpy(&length, &record->length, sizeof length);
    if (length < sizeof(struct record) || at + length > size) break;
    at += length;
  }
  munmap(bytes, size);
  if (at < size && syscall(SYS_ftruncate, journal, (long)at) != 0) trouble();
  journal_bytes = at;
}

__attribute__((constructor)) static void attach(void) {
  const char *data = getenv("LOGRAFT_DISK_DATA"), *page = getenv("LOGRAFT_DISK_CONTROL"), *log = getenv("LOGRAFT_DISK_JOURNAL"),
             *links = getenv("LOGRAFT_DISK_KEPT");
  if (data == NULL || page == NULL || log == NULL || links == NULL || strlen(links) >= sizeof kept - 64) return;
  int fd = (int)syscall(SYS_openat, AT_FDCWD, page, O_RDWR | O_CLOEXEC, 0);
  if (fd < 0) return;
  void *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  syscall(SYS_close, fd);
  if (shared == MAP_FAILED || realpath(data, root) == NULL) return;
  strcpy(kept, links);
  journal = (int)syscall(SYS_openat, AT_FDCWD, log, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (journal < 0) return;
  control = shared;
  mend_journal();
  next_number = (uint64_t)getpid() << 24;
  struct statx stats;
  memset(&stats, 0, sizeof stats);
  if (statx(AT_FDCWD, root, 0, STATX_INO | STATX_BTIME, &stats) != 0) trouble();
  remember(ATTACHED, stats.stx_ino, (uint64_t)stats.stx_btime.tv_sec, stats.stx_btime.tv_nsec, (uint64_t)getpid(), NULL, 0, NULL, 0);
  control->attached++;
  root_length = strlen(root);
}

/* The whole path, if it is of something under the data directory. */
static int is_inside(int directory, const char *path, char full[PATH_MAX]) {
  if (root_length == 0 || path == NULL || path[0] == 0) return 0;
  int saved = errno;
  char named[PATH_MAX * 2], parent[PATH_MAX];
  if (path[0] == '/') named[0] = 0;
  else if (directory == AT_FDCWD) {
    if (getcwd(named, PATH_MAX) == NULL) named[0] = 0;
  } else {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
    ssize_t length = readlink(link, named, PATH_MAX - 1);
    named[length < 0 ? 0 : length] = 0;
  }
  if (strlen(named) + strlen(path) + 2 > PATH_MAX) return 0;
  if (named[0] != 0) strcat(named, "/");
  strcat(named, path);
  size_t length = strlen(named);
  while (length > 1 && named[length - 1] == '/') named[--length] = 0;
  char *slash = strrchr(named, '/');
  int inside = 0;
  if (slash != NULL) {
    *slash = 0;
    if (realpath(slash == named ? "/" : named, parent) != NULL && strlen(parent) + strlen(slash + 1) + 2 <= PATH_MAX) {
      snprintf(full, PATH_MAX, "%s/%s", parent, slash + 1);
      inside = strncmp(full, root, root_length) == 0 && (full[root_length] == '/' || full[root_length] == 0);
    }
  }
  errno = saved;
  return inside;
}

static uint64_t parent_inode(const char *full) {
  char parent[PATH_MAX];
  strcpy(parent, full);
  *strrchr(parent, '/') = 0;
  struct stat stats;
  return stat(parent, &stats) == 0 ? stats.st_ino : 0;
}

/* Whether the descriptor is still what was opened: numbers are used again, and not every close is seen. */
static int is_tracked(int fd, struct stat *stats) {
  if (root_length == 0 || fd < 0 || fd >= MOST_DESCRIPTORS || tracked[fd].inode == 0) return 0;
  int saved = errno;
  int same = fstat(fd, stats) == 0 && stats->st_ino == tracked[fd].inode && stats->st_dev == tracked[fd].device;
  if (!same) tracked[fd].inode = 0;
  errno = saved;
  return same;
}

/* What stands in a range; NULL with length 0 where nothing does. */
static void *old_bytes(int fd, uint64_t from, uint64_t to, size_t *length) {
  *length = 0;
  if (from >= to) return NULL;
  if (to - from > MOST_REMEMBERED) return trouble(), NULL;
  size_t wanted = to - from;
  char *bytes = malloc(wanted);
  if (bytes == NULL) return trouble(), NULL;
  /* The descriptor may be for writing only. */
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  int reader = (int)syscall(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC, 0);
  while (reader >= 0 && *length < wanted) {
    long read = syscall(SYS_pread64, reader, bytes + *length, wanted - *length, (long)(from + *length));
    if (read <= 0) break;
    *length += (size_t)read;
  }
  if (reader >= 0) syscall(SYS_close, reader);
  if (*length < wanted) trouble();
  return bytes;
}

static void remember_cut(int fd, const struct stat *stats, uint64_t size) {
  size_t length;
  void *old = old_bytes(fd, size, (uint64_t)stats->st_size, &length);
  remember(CUT, stats->st_ino, size, 0, (uint64_t)stats->st_size, old, length, NULL, 0);
  free(old);
}

static int opened(int directory, const char *path, int flags, mode_t mode) {
  char full[PATH_MAX];
  if (!is_inside(directory, path, full)) {
    int fd = (int)syscall(SYS_openat, directory, path, flags, mode);
    if (fd >= 0 && fd < MOST_DESCRIPTORS) tracked[fd].inode = 0;
    return fd;
  }
  struct stat stats;
  pthread_mutex_lock(&order);
  int is_new = (flags & O_CREAT) != 0 && stat(full, &stats) != 0;
  /* What it empties must be remembered before, so it is emptied afterwards. */
  int empties = (flags & O_TRUNC) != 0 && (flags & O_ACCMODE) != O_RDONLY;
  int fd = (int)syscall(SYS_openat, directory, path, empties ? flags & ~O_TRUNC : flags, mode);
  if (fd >= 0 && fd < MOST_DESCRIPTORS && fstat(fd, &stats) == 0) {
    tracked[fd] = (struct tracked){stats.st_dev, stats.st_ino};
    if (is_new) remember(CREATED, stats.st_ino, parent_inode(full), 0, 0, full, strlen(full), NULL, 0);
    if (empties && S_ISREG(stats.st_mode) && stats.st_size > 0) {
      remember_cut(fd, &stats, 0);
      if (syscall(SYS_ftruncate, fd, 0L) != 0) trouble();
    }
  } else if (fd >= MOST_DESCRIPTORS) trouble();
  pthread_mutex_unlock(&order);
  return fd;
}

#define OPEN_MODE(flags) \
  mode_t mode = 0; \
  if (((flags) & O_CREAT) != 0 || ((flags) & O_TMPFILE) == O_TMPFILE) { \
    va_list list; \
    va_start(list, flags); \
    mode = (mode_t)va_arg(list, int); \
    va_end(list); \
  }

SEEN int open(const char *path, int flags, ...) { OPEN_MODE(flags) return opened(AT_FDCWD, path, flags, mode); }
SEEN int open64(const char *path, int flags, ...) { OPEN_MODE(flags) return opened(AT_FDCWD, path, flags, mode); }
SEEN int openat(int at, const char *path, int flags, ...) { OPEN_MODE(flags) return opened(at, path, flags, mode); }
SEEN int openat64(int at, const char *path, int flags, ...) { OPEN_MODE(flags) return opened(at, path, flags, mode); }
SEEN int creat(const char *path, mode_t mode) { return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
SEEN int creat64(const char *path, mode_t mode) { return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
SEEN int __open_2(const char *path, int flags) { return opened(AT_FDCWD, path, flags, 0); }
SEEN int __open64_2(const char *path, int flags) { return opened(AT_FDCWD, path, flags, 0); }

/* At -1: where the descriptor stands. */
static ssize_t raw_write(int fd, const struct iovec *parts, int count, off_t at) {
  if (at < 0) return syscall(SYS_writev, fd, parts, count);
  return syscall(SYS_pwritev, fd, parts, count, (long)at, 0L);
}

static ssize_t write_parts(int fd, const struct iovec *parts, int count, off_t at) {
  struct stat stats;
  if (!is_tracked(fd, &stats) || !S_ISREG(stats.st_mode)) return raw_write(fd, parts, count, at);
  uint32_t error = control->write_error;
  if (error != 0) {
    control->failed_writes++;
    errno = (int)error;
    return -1;
  }
  uint64_t length = 0;
  for (int n = 0; n < count; n++) length += parts[n].iov_len;
  pthread_mutex_lock(&order);
  ssize_t done = -1;
  if (fstat(fd, &stats) == 0) {
    uint64_t size = (uint64_t)stats.st_size, from = (uint64_t)at;
    if ((fcntl(fd, F_GETFL) & O_APPEND) != 0) from = size;
    else if (at < 0) from = (uint64_t)lseek(fd, 0, SEEK_CUR);
    size_t remembered;
    void *old = old_bytes(fd, from, from + length < size ? from + length : size, &remembered);
    remember(WRITTEN, stats.st_ino, from, length, size, old, remembered, NULL, 0);
    free(old);
    done = raw_write(fd, parts, count, at);
    if (done < (ssize_t)length) remember(SHORTER, stats.st_ino, from, done < 0 ? 0 : (uint64_t)done, 0, NULL, 0, NULL, 0);
    control->writes++;
  }
  pthread_mutex_unlock(&order);
  return done;
}

SEEN ssize_t write(int fd, const void *bytes, size_t length) {
  struct iovec part = {(void *)bytes, length};
  return root_length == 0 || fd < 0 || fd >= MOST_DESCRIPTORS || tracked[fd].inode == 0 ? syscall(SYS_write, fd, bytes, length)
                                                                                       : write_parts(fd, &part, 1, -1);
}
SEEN ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) {
  struct iovec part = {(void *)bytes, length};
  if (at < 0) return errno = EINVAL, -1;
  return write_parts(fd, &part, 1, at);
}
SEEN ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) { return pwrite(fd, bytes, length, at); }
SEEN ssize_t writev(int fd, const struct iovec *parts, int count) { return write_parts(fd, parts, count, -1); }
SEEN ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
  if (at < 0) return errno = EINVAL, -1;
  return write_parts(fd, parts, count, at);
}
SEEN ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) { return pwritev(fd, parts, count, at); }

SEEN int ftruncate(int fd, off_t size) {
  struct stat stats;
  if (!is_tracked(fd, &stats) || !S_ISREG(stats.st_mode)) return (int)syscall(SYS_ftruncate, fd, (long)size);
  pthread_mutex_lock(&order);
  if (fstat(fd, &stats) == 0) remember_cut(fd, &stats, (uint64_t)size);
  int done = (int)syscall(SYS_ftruncate, fd, (long)size);
  if (done != 0) remember(CANCELLED, stats.st_ino, 0, 0, 0, NULL, 0, NULL, 0);
  pthread_mutex_unlock(&order);
  return done;
}
SEEN int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }

static int flush_fails(void) {
  uint32_t left = control->flushes_to_fail;
  while (left != 0) {
    if (left == ALWAYS || atomic_compare_exchange_weak(&control->flushes_to_fail, &left, left - 1)) return 1;
  }
  return 0;
}

static void locked(uint32_t kind, uint64_t inode, uint64_t number) {
  pthread_mutex_lock(&order);
  remember(kind, inode, number, 0, 0, NULL, 0, NULL, 0);
  pthread_mutex_unlock(&order);
}

static int flush(int fd, long call) {
  struct stat stats;
  if (!is_tracked(fd, &stats)) return (int)syscall(call, fd);
  uint32_t delay = control->flush_delay_ms;
  if (delay != 0) {
    struct timespec wait = {delay / 1000, (long)(delay % 1000) * 1000000};
    syscall(SYS_nanosleep, &wait, NULL);
    control->slowed_flushes++;
  }
  if (flush_fails()) {
    locked(FLUSH_FAILED, stats.st_ino, 0);
    control->failed_flushes++;
    errno = EIO;
    return -1;
  }
  pthread_mutex_lock(&order);
  uint64_t number = next_number++;
  remember(FLUSH_BEGINS, stats.st_ino, number, 0, 0, NULL, 0, NULL, 0);
  pthread_mutex_unlock(&order);
  int done = (int)syscall(call, fd);
  if (done == 0) {
    locked(FLUSHED, stats.st_ino, number);
    control->flushes++;
  } else locked(FLUSH_FAILED, stats.st_ino, 0);
  return done;
}

SEEN int fsync(int fd) { return flush(fd, SYS_fsync); }
SEEN int fdatasync(int fd) { return flush(fd, SYS_fdatasync); }

/* A second name outside, so that what is removed can come back, and its number is not used again. Under the lock. 0: there is none. */
static uint64_t keep(const char *full) {
  char path[PATH_MAX + 32];
  uint64_t number = next_number++;
  snprintf(path, sizeof path, "%s/%llu", kept, (unsigned long long)number);
  return link(full, path) == 0 ? number : 0;
}

static int removed(int directory, const char *path, int flags) {
  char full[PATH_MAX];
  struct stat stats;
  if (!is_inside(directory, path, full)) return (int)syscall(SYS_unlinkat, directory, path, flags);
  pthread_mutex_lock(&order);
  int is_there = lstat(full, &stats) == 0;
  int is_directory = is_there && S_ISDIR(stats.st_mode);
  if (is_there) {
    uint64_t number = is_directory ? 0 : keep(full);
    remember(REMOVED, stats.st_ino, parent_inode(full), number, (uint64_t)is_directory, full, strlen(full), NULL, 0);
  }
  int done = (int)syscall(SYS_unlinkat, directory, path, flags);
  if (done != 0 && is_there) remember(CANCELLED, stats.st_ino, 0, 0, 0, NULL, 0, NULL, 0);
  pthread_mutex_unlock(&order);
  return done;
}

SEEN int unlink(const char *path) { return removed(AT_FDCWD, path, 0); }
SEEN int unlinkat(int directory, const char *path, int flags) { return removed(directory, path, flags); }
SEEN int rmdir(const char *path) { return removed(AT_FDCWD, path, AT_REMOVEDIR); }
SEEN int remove(const char *path) {
  struct stat stats;
  return removed(AT_FDCWD, path, lstat(path, &stats) == 0 && S_ISDIR(stats.st_mode) ? AT_REMOVEDIR : 0);
}

static int renamed(int from_directory, const char *from, int to_directory, const char *to, unsigned flags) {
  char full_from[PATH_MAX], full_to[PATH_MAX];
  struct stat moved, replaced;
  if (!is_inside(from_directory, from, full_from) || !is_inside(to_directory, to, full_to) || lstat(full_from, &moved) != 0) {
    return (int)syscall(SYS_renameat2, from_directory, from, to_directory, to, flags);
  }
  pthread_mutex_lock(&order);
  uint64_t number = lstat(full_to, &replaced) == 0 && S_ISREG(replaced.st_mode) ? keep(full_to) : 0;
  remember(RENAMED, moved.st_ino, parent_inode(full_to), number, 0, full_from, strlen(full_from), full_to, strlen(full_to));
  int done = (int)syscall(SYS_renameat2, from_directory, from, to_directory, to, flags);
  if (done != 0) remember(CANCELLED, moved.st_ino, 0, 0, 0, NULL, 0, NULL, 0);
  pthread_mutex_unlock(&order);
  return done;
}

SEEN int rename(const char *from, const char *to) { return renamed(AT_FDCWD, from, AT_FDCWD, to, 0); }
SEEN int renameat(int a, const char *from, int b, const char *to) { return renamed(a, from, b, to, 0); }
SEEN int renameat2(int a, const char *from, int b, const char *to, unsigned flags) { return renamed(a, from, b, to, flags); }

static int made(int directory, const char *path, mode_t mode) {
  char full[PATH_MAX];
  struct stat stats;
  if (!is_inside(directory, path, full)) return (int)syscall(SYS_mkdirat, directory, path, mode);
  pthread_mutex_lock(&order);
  int done = (int)syscall(SYS_mkdirat, directory, path, mode);
  if (done == 0 && stat(full, &stats) == 0) {
    remember(CREATED, stats.st_ino, parent_inode(full), 1, 0, full, strlen(full), NULL, 0);
  }
  pthread_mutex_unlock(&order);
  return done;
}

SEEN int mkdir(const char *path, mode_t mode) { return made(AT_FDCWD, path, mode); }
SEEN int mkdirat(int directory, const char *path, mode_t mode) { return made(directory, path, mode); }

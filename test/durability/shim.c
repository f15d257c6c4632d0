/*
 * Preloaded into a process that writes a ledger: numbers the system calls that change files whose path begins with
 * SHIM_PREFIX, keeps a record of each in SHIM_LOG, and at call SHIM_AT kills the process or lets calls fail.
 *
 *   SHIM_MODE   kill   before the call: SIGKILL
 *               tear   half of a write, then SIGKILL
 *               fail   SHIM_COUNT calls from SHIM_AT on return -1 with SHIM_ERRNO
 *               short  SHIM_COUNT writes from SHIM_AT on write half
 *
 * The record of a call: op (w, s, t, u), length of the path, two bytes of padding, length of the data (32 bits), offset
 * (64 bits), the path, the data. Files that end in -shm hold nothing that must survive and are left out.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *prefix, *mode;
static long at = -1, count = 1, calls = 0;
static int fault = EIO, log_fd = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static long number(const char *name, long otherwise) {
  const char *text = getenv(name);
  return text ? strtol(text, NULL, 10) : otherwise;
}

__attribute__((constructor)) static void start(void) {
  const char *log = getenv("SHIM_LOG");
  prefix = getenv("SHIM_PREFIX");
  mode = getenv("SHIM_MODE");
  at = number("SHIM_AT", -1);
  count = number("SHIM_COUNT", 1);
  fault = (int)number("SHIM_ERRNO", EIO);
  if (log) log_fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

static int watched(const char *path) {
  size_t length = strlen(path);
  if (!prefix || strncmp(path, prefix, strlen(prefix)) != 0) return 0;
  return length < 4 || strcmp(path + length - 4, "-shm") != 0;
}

/* The path behind a descriptor, if it is watched. */
static int path_of(int fd, char *path, size_t size) {
  char link[64];
  ssize_t n;
  if (!prefix) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  n = syscall(SYS_readlinkat, AT_FDCWD, link, path, size - 1);
  if (n < 0) return 0;
  path[n] = 0;
  return watched(path);
}

static int is_acks(const char *path) {
  size_t length = strlen(path);
  return length > 5 && strcmp(path + length - 5, ".acks") == 0;
}

static void record(char op, const char *path, int64_t offset, const void *data, uint32_t length) {
  unsigned char head[16] = {(unsigned char)op, (unsigned char)strlen(path)};
  struct iovec parts[3] = {{head, 16}, {(void *)path, strlen(path)}, {(void *)data, length}};
  if (log_fd < 0) return;
  memcpy(head + 4, &length, 4);
  memcpy(head + 8, &offset, 8);
  syscall(SYS_writev, log_fd, parts, 3);
}

/* What is to become of the next call. */
enum fate { RUN, FAIL, SHORT, TEAR };

static enum fate next(const char *path) {
  long n;
  if (is_acks(path)) return RUN;
  n = ++calls;
  if (!mode || at < 0 || n < at) return RUN;
  if (strcmp(mode, "kill") == 0) kill(getpid(), SIGKILL);
  if (strcmp(mode, "tear") == 0) return TEAR;
  if (n >= at + count) return RUN;
  if (strcmp(mode, "fail") == 0) return FAIL;
  return strcmp(mode, "short") == 0 ? SHORT : RUN;
}

static ssize_t put(int fd, const void *data, size_t length, int64_t offset) {
  return offset < 0 ? syscall(SYS_write, fd, data, length) : syscall(SYS_pwrite64, fd, data, length, offset);
}

static ssize_t write_at(int fd, const void *data, size_t length, int64_t offset) {
  char path[4096];
  ssize_t done;
  if (!path_of(fd, path, sizeof path)) return put(fd, data, length, offset);
  pthread_mutex_lock(&lock);
  enum fate fate = next(path);
  if (fate == FAIL) {
    pthread_mutex_unlock(&lock);
    errno = fault;
    return -1;
  }
  if (fate == SHORT || fate == TEAR) length = length > 1 ? length / 2 : length;
  int64_t where = offset < 0 ? (int64_t)syscall(SYS_lseek, fd, 0, SEEK_CUR) : offset;
  done = put(fd, data, length, offset);
  if (fate == TEAR) kill(getpid(), SIGKILL);
  if (done > 0) record('w', path, where, data, (uint32_t)done);
  pthread_mutex_unlock(&lock);
  return done;
}

ssize_t write(int fd, const void *data, size_t length) { return write_at(fd, data, length, -1); }
ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) { return write_at(fd, data, length, offset); }
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) { return write_at(fd, data, length, offset); }

/* Whether a call is to fail; one that is torn ends the process instead. Called with the lock held, which it drops. */
static int fails(const char *path) {
  enum fate fate = next(path);
  if (fate == TEAR) kill(getpid(), SIGKILL);
  if (fate != FAIL) return 0;
  pthread_mutex_unlock(&lock);
  errno = fault;
  return 1;
}

static int simple(char op, int fd, long call, int64_t size) {
  char path[4096];
  int result;
  if (!path_of(fd, path, sizeof path)) return (int)syscall(call, fd, size);
  pthread_mutex_lock(&lock);
  if (fails(path)) return -1;
  result = (int)syscall(call, fd, size);
  if (result == 0) record(op, path, size, NULL, 0);
  pthread_mutex_unlock(&lock);
  return result;
}

int fsync(int fd) { return simple('s', fd, SYS_fsync, 0); }
int fdatasync(int fd) { return simple('s', fd, SYS_fdatasync, 0); }
int ftruncate(int fd, off_t size) { return simple('t', fd, SYS_ftruncate, size); }
int ftruncate64(int fd, off64_t size) { return simple('t', fd, SYS_ftruncate, size); }

int unlink(const char *path) {
  int result;
  if (!watched(path)) return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
  pthread_mutex_lock(&lock);
  if (fails(path)) return -1;
  result = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
  if (result == 0) record('u', path, 0, NULL, 0);
  pthread_mutex_unlock(&lock);
  return result;
}

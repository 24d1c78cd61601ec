// mark [-i] [-d MILLISECONDS] FILE [COMMAND ARG...]
// Tells the test that it started: appends "start <monotonic ns> <wall clock ns> <pid>" to FILE, then becomes COMMAND.
// Without COMMAND it waits for SIGTERM, appends a "term" line to FILE and ends with 0; with -i it notes the signal and
// goes on. -d waits before it becomes COMMAND. Both clocks are the host's, so the test may compare.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char* file;
static int ignoring;

static long long now(clockid_t clock) {
  struct timespec at;
  clock_gettime(clock, &at);
  return at.tv_sec * 1000000000LL + at.tv_nsec;
}

// One write with O_APPEND: lines of several processes never mix.
static void note(const char* what) {
  char line[128];
  int length =
      snprintf(line, sizeof line, "%s %lld %lld %d\n", what, now(CLOCK_MONOTONIC), now(CLOCK_REALTIME), getpid());
  int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0 || write(fd, line, (size_t)length) != length) {
    fprintf(stderr, "mark: %s: %s\n", file, strerror(errno));
    _exit(125);
  }
  close(fd);
}

static void onTerm(int signal) {
  (void)signal;
  note("term");
  if (!ignoring) _exit(0);
}

int main(int argc, char** argv) {
  long delay = 0;
  for (int option; (option = getopt(argc, argv, "+id:")) != -1;) {
    if (option == 'i')
      ignoring = 1;
    else if (option == 'd')
      delay = atol(optarg);
    else
      return 2;
  }
  if (optind >= argc) return 2;
  file = argv[optind++];
  struct sigaction action = {.sa_handler = onTerm};
  if (optind == argc) sigaction(SIGTERM, &action, NULL);
  note("start");
  if (delay > 0) usleep((useconds_t)delay * 1000);
  if (optind < argc) {
    execvp(argv[optind], argv + optind);
    fprintf(stderr, "mark: %s: %s\n", argv[optind], strerror(errno));
    return 127;
  }
  for (;;) pause();
}

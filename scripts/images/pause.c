// The process that holds a pod's namespaces open: sleeps, reaps orphans when it is PID 1 of a shared PID namespace, and
// leaves on SIGTERM or SIGINT.
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void leave(int signal) {
  (void)signal;
  _exit(0);
}

static void reap(int signal) {
  (void)signal;
  while (waitpid(-1, NULL, WNOHANG) > 0) {
  }
}

int main(void) {
  struct sigaction onLeave = {.sa_handler = leave};
  struct sigaction onChild = {.sa_handler = reap, .sa_flags = SA_NOCLDSTOP};
  if (sigaction(SIGTERM, &onLeave, NULL) || sigaction(SIGINT, &onLeave, NULL) || sigaction(SIGCHLD, &onChild, NULL))
    return EXIT_FAILURE;
  for (;;) pause();
}

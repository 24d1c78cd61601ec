// A message bus of the test's own, which the process takes for the system's. Needs the program dbus-daemon.
#pragma once

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/temp_dir.h"

namespace cubelet::sdbus {

class TestBus {
 public:
  static bool possible() { return ::access("/usr/bin/dbus-daemon", X_OK) == 0; }

  TestBus() {
    std::ofstream(dir_ / "config") << "<busconfig><type>custom</type><listen>unix:path=" << dir_ / "bus"
                                   << "</listen><policy context='default'><allow send_destination='*'/>"
                                      "<allow receive_sender='*'/><allow own='*'/></policy></busconfig>";
    ::setenv("DBUS_SYSTEM_BUS_ADDRESS", ("unix:path=" + (dir_ / "bus")).c_str(), 1);
    start();
  }
  ~TestBus() {
    kill();
    ::unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
  }
  TestBus(const TestBus&) = delete;
  TestBus& operator=(const TestBus&) = delete;

  // Returns when it takes connections.
  void start() {
    int ends[2] = {-1, -1};
    if (::pipe(ends) != 0) std::abort();
    const std::string config = "--config-file=" + (dir_ / "config");
    const std::string print = "--print-address=" + std::to_string(ends[1]);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::execl("/usr/bin/dbus-daemon", "dbus-daemon", config.c_str(), print.c_str(), "--nofork", "--nopidfile", nullptr);
      ::_exit(127);
    }
    ::close(ends[1]);
    const Fd read(ends[0]);
    char byte = 0;
    while (::read(read.get(), &byte, 1) == 1 && byte != '\n') {
    }
  }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    ::unlink((dir_ / "bus").c_str());
    pid_ = -1;
  }

 private:
  TempDir dir_;
  pid_t pid_ = -1;
};

}  // namespace cubelet::sdbus

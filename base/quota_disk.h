// For tests: a small file system of its own with project quota, in a mount namespace of its own.
#pragma once

#include <cstdlib>
#include <fcntl.h>
#include <sched.h>
#include <string>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/temp_dir.h"

namespace cubelet {

class QuotaDisk {
 public:
  QuotaDisk() {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
      missing_ = "may not mount here";
      return;
    }
    const std::string image = temp_ / "image";
    {
      const Fd file(::open(image.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
      if (!file || ::ftruncate(file.get(), 64 << 20) != 0 || ::mkdir(root().c_str(), 0755) != 0) {
        missing_ = "no place for a disk image";
        return;
      }
    }
    if (!run("mkfs.ext4 -q -F -O quota,project -E quotatype=prjquota " + image))
      missing_ = "mkfs.ext4 cannot make a file system with project quota";
    else if (!run("mount -o loop,prjquota " + image + " " + root()))
      missing_ = "this kernel has no project quota, or no loop device is free";
    else
      mounted_ = true;
  }
  ~QuotaDisk() {
    if (mounted_) ::umount2(root().c_str(), MNT_DETACH);
  }
  QuotaDisk(const QuotaDisk&) = delete;
  QuotaDisk& operator=(const QuotaDisk&) = delete;

  // Why there is none; empty: there is one.
  const std::string& missing() const { return missing_; }
  std::string root() const { return temp_ / "disk"; }

 private:
  static bool run(const std::string& command) {
    const std::string line = "PATH=$PATH:/usr/sbin:/sbin " + command + " > /dev/null 2>&1";
    return std::system(line.c_str()) == 0;  // NOLINT(cert-env33-c): a test
  }

  TempDir temp_;
  std::string missing_;
  bool mounted_ = false;
};

}  // namespace cubelet

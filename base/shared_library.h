// A shared library that is loaded when it is first needed, and never unloaded: agents that do without it need not have
// it in memory, nor installed.
#pragma once

#include <dlfcn.h>
#include <string>
#include <utility>

#include "base/result.h"

namespace cubelet {

class SharedLibrary {
 public:
  // `file` as the dynamic linker looks it up ("libcurl.so.4"); `package` is what installs it. kUnavailable: it is not
  // there.
  static Result<SharedLibrary> open(std::string file, const std::string& package) {
    void* handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr)
      return fail(Code::kUnavailable, "", "cannot load " + file + " (package " + package + "): " + ::dlerror());
    return SharedLibrary(std::move(file), handle);
  }

  // Sets `function` to the one of that name. What is missing is remembered, see check().
  template <class Function>
  void find(const char* name, Function& function) {
    function = reinterpret_cast<Function>(::dlsym(handle_, name));
    if (function == nullptr && missing_.empty()) missing_ = name;
  }

  // kUnavailable: it lacks a function that was looked for.
  Result<void> check() const {
    if (missing_.empty()) return {};
    return fail(Code::kUnavailable, "", file_ + " lacks the function " + missing_ + ": install a newer one");
  }

 private:
  SharedLibrary(std::string file, void* handle) : file_(std::move(file)), handle_(handle) {}

  std::string file_;
  void* handle_;
  std::string missing_;
};

}  // namespace cubelet

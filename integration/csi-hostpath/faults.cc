#include "integration/csi-hostpath/faults.h"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <map>
#include <sstream>
#include <thread>
#include <unistd.h>

#include "base/files.h"

namespace cubelet::hostpath {
namespace {

grpc::Status statusNamed(const std::string& name) {
  using S = grpc::StatusCode;
  static const std::map<std::string, S> kCodes = {
      {"CANCELLED", S::CANCELLED},
      {"UNKNOWN", S::UNKNOWN},
      {"INVALID_ARGUMENT", S::INVALID_ARGUMENT},
      {"DEADLINE_EXCEEDED", S::DEADLINE_EXCEEDED},
      {"NOT_FOUND", S::NOT_FOUND},
      {"ALREADY_EXISTS", S::ALREADY_EXISTS},
      {"RESOURCE_EXHAUSTED", S::RESOURCE_EXHAUSTED},
      {"FAILED_PRECONDITION", S::FAILED_PRECONDITION},
      {"ABORTED", S::ABORTED},
      {"OUT_OF_RANGE", S::OUT_OF_RANGE},
      {"INTERNAL", S::INTERNAL},
      {"UNAVAILABLE", S::UNAVAILABLE},
  };
  auto found = kCodes.find(name);
  return grpc::Status(found == kCodes.end() ? S::INTERNAL : found->second, "ordered: " + name);
}

}  // namespace

std::vector<Fault> parseFaults(std::string_view text) {
  std::vector<Fault> faults;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    Fault fault;
    words >> fault.method;
    if (fault.method == "always") {
      fault.always = true;
      words >> fault.method;
    }
    words >> fault.point >> fault.action >> fault.argument;
    if (!fault.action.empty()) faults.push_back(std::move(fault));
  }
  return faults;
}

std::string toText(const std::vector<Fault>& faults) {
  std::string text;
  for (const Fault& fault : faults)
    text += (fault.always ? "always " : "") + fault.method + " " + fault.point + " " + fault.action +
            (fault.argument.empty() ? "" : " " + fault.argument) + "\n";
  return text;
}

std::optional<Fault> Faults::take(std::string_view method, std::string_view point) {
  if (file_.empty()) return std::nullopt;
  std::lock_guard lock(mutex_);
  auto text = readFile(file_, 1 << 20);
  if (!text) return std::nullopt;
  std::vector<Fault> faults = parseFaults(*text);
  for (auto fault = faults.begin(); fault != faults.end(); ++fault) {
    if (fault->method != method || fault->point != point) continue;
    Fault taken = *fault;
    if (!taken.always) {
      faults.erase(fault);
      (void)writeFileAtomic(file_, toText(faults), 0600, Flush::kNo);  // at worst it happens twice
    }
    return taken;
  }
  return std::nullopt;
}

grpc::Status Faults::at(std::string_view method, std::string_view point) {
  std::optional<Fault> fault = take(method, point);
  if (!fault) return grpc::Status::OK;
  if (fault->action == "crash") ::kill(::getpid(), SIGKILL);
  if (fault->action == "delay")
    std::this_thread::sleep_for(std::chrono::milliseconds(std::atoll(fault->argument.c_str())));
  if (fault->action == "error") return statusNamed(fault->argument);
  return grpc::Status::OK;
}

}  // namespace cubelet::hostpath

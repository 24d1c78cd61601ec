// The floor: what a bare CRI client needs for the same pods. No agent can be faster than the runtime itself.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "integration/harness/process.h"

namespace cubelet::integration {

class Floor {
 public:
  // `records` is mounted at /out in every container, `logs` takes their logs.
  Floor(const std::string& socketPath, std::filesystem::path records, std::filesystem::path logs);
  ~Floor();

  // Starts `count` pods at once, named `name`0, `name`1, ...; each notes its start in the record of its name. Returns
  // when all StartContainer calls have been answered. Throws std::runtime_error when a call fails.
  void startPods(const std::string& name, int count);
  // Starts a pod whose program ends once, after noting it in `name`.exit; starts it again, in the same sandbox, as soon
  // as the runtime's event stream tells of the exit.
  void startAndRestart(const std::string& name);
  // Starts a pod, then stops and removes it and starts another one of its name, each step as soon as the one before was
  // answered: both note their start in the record `name`.
  void startAndReplace(const std::string& name);
  // Stops and removes every pod of the runtime.
  void removeEverything();

 private:
  struct Client;
  std::unique_ptr<Client> client_;
};

// The script of the program that ends once. Runs below `mark /out/NAME`.
std::string endOnceScript(const std::string& name);

}  // namespace cubelet::integration

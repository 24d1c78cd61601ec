// CheckpointFile: the checkpoint on disk follows what is known in memory, by a thread beside the loop.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <string>

#include "base/blocking.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/task.h"
#include "base/task_group.h"
#include "base/wake.h"

namespace cubelet::devices {

// The file is written whole. One write at a time, so that no late one puts an older content in the place of a newer
// one: a write that hangs is waited for, however long it takes. What is asked for meanwhile goes together with the next
// write. Loop thread only.
class CheckpointFile {
 public:
  struct Services {
    Loop& loop;
    Clock& clock;
    BlockingPool& pool;
  };
  // How long save() and close() wait for a write.
  static constexpr Duration kPatience = std::chrono::seconds(10);

  // `content` answers what the file is to hold by now. What `services` names must outlive this object.
  CheckpointFile(Services services, std::string path, std::function<std::string()> content);

  // Once, before all else. kNotFound: there is no file. Blocks for one small local file.
  Result<std::string> read();
  // The content of now is written some time. An error is logged; whoever needs it saves again.
  void saveSoon();
  // The content of now is on disk when it answers. kTimedOut: it may be there, or not.
  Task<Result<void>> save();
  // Waits for what is under way.
  Task<void> close();

 private:
  Task<void> write();
  Task<Result<void>> writeOnce(std::string text);
  Task<bool> written(std::uint64_t ask);

  Services services_;
  std::string path_;
  std::function<std::string()> content_;
  std::string onDisk_;          // empty: not known
  std::uint64_t asked_ = 0;     // how often it was asked for
  std::uint64_t answered_ = 0;  // which of these the last write has answered
  Result<void> outcome_;        // of that write
  bool writing_ = false;
  std::list<Wake> waiting_;
  TaskGroup tasks_;
};

}  // namespace cubelet::devices

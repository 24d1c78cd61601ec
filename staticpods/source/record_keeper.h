// Keeps the records of one source in step with its manifest set.
#pragma once

#include <string>

#include "base/blocking.h"
#include "base/clock.h"
#include "base/task.h"
#include "staticpods/manifest/manifest.h"
#include "staticpods/source/manifest_set.h"
#include "staticpods/source/records.h"

namespace cubelet::staticpods {

// Does its work beside the loop. Failures are logged: without records only the memory of bad files across a restart is
// lost. References must outlive this object.
class RecordKeeper {
 public:
  // Empty directory: nothing is kept.
  RecordKeeper(BlockingPool& pool, Clock& clock, std::string directory, ManifestOptions options);

  // Puts every recorded manifest into effect in `set`.
  Task<void> restore(ManifestSet* set);
  // Writes and removes what has changed in `set`.
  Task<void> save(ManifestSet* set);

 private:
  BlockingPool& pool_;
  Clock& clock_;
  std::string directory_;
  ManifestOptions options_;
};

}  // namespace cubelet::staticpods

// Files that change all at once, laid out as upstream's kubelet does it (CMS-2, surface 2.2):
//
//   ..2026_11_24_19_38_08.123456789/a     the bytes
//   ..data -> ..2026_11_24_19_38_08.123456789
//   a -> ..data/a                         one link per first path element
#pragma once

#include <optional>
#include <string>
#include <sys/types.h>

#include "base/result.h"
#include "kubelet/volumes/content.h"

namespace cubelet::volumes {

// Makes the directory hold exactly `files`; true when that took a change. Readers see all of the old files or all of
// the new ones, whenever the process is killed; what that leaves behind is removed by the next call. When everything is
// as it should be, nothing is written, not even a time. Names that are no links into ..data stay (mount points of other
// volumes).
//
// `group`, if set, owns files and directories and may read them, whatever the files' modes say (fsGroup, CMS-3).
// kInvalid: a path is no clean one, or leads through another file. kExhausted: no space; the old files stay.
// Blocking. One call at a time for a directory. Nothing is flushed to disk: what a crash of the machine leaves is
// compared and written anew.
Result<bool> writeAtomically(const std::string& directory, const Files& files, std::optional<gid_t> group);

}  // namespace cubelet::volumes

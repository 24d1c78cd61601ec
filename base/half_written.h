// What writeFileAtomic leaves when the process is killed within it.
#pragma once

#include <string>
#include <string_view>

namespace cubelet {

// The name of a temporary file of writeFileAtomic: ".a.json.Xy12Zw".
bool isHalfWritten(std::string_view name);

// Removes such files of a directory that only this process writes to, and not at the moment. What cannot be removed
// stays: it does no harm but take room. Nothing without the directory.
void removeHalfWritten(const std::string& directory);

}  // namespace cubelet

// Columns of text.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace cubelet::client {

// Lays rows out in columns, three spaces apart, as wide as their widest cell or as `minimum` says. The last column has
// no padding. Characters are counted, not bytes; control characters become spaces, so that no text can move the cursor.
std::string formatTable(const std::vector<std::vector<std::string>>& rows,
                        const std::vector<std::size_t>& minimum = {});

}  // namespace cubelet::client

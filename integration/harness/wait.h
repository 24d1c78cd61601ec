// Waiting for something that another process does: always bounded, always with a reason when it does not come.
#pragma once

#include <functional>
#include <gtest/gtest.h>
#include <string>

#include "integration/harness/process.h"

namespace cubelet::integration {

// Looks at the world: empty when it is as wanted, else what is in the way ("pod a is Pending").
using Look = std::function<std::string()>;

// Looks again and again until all is as wanted; `limit` is made patient(). The failure names `what` and what was seen
// last.
::testing::AssertionResult eventually(const std::string& what, Duration limit, const Look& look);

// All must be as wanted for the whole time.
::testing::AssertionResult stays(const std::string& what, Duration time, const Look& look);

// As wanted when all of them are.
Look all(std::vector<Look> looks);

}  // namespace cubelet::integration

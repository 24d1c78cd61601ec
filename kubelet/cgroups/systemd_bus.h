// SystemdBus: what we ask of systemd.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"

namespace cubelet::cgroups {

struct UnitProperty {
  std::string name;
  std::variant<bool, std::uint64_t, std::string, std::vector<std::string>> value;

  friend bool operator==(const UnitProperty&, const UnitProperty&) = default;
};

// Calls may take long, or hang when systemd does: never on the loop. They return when systemd has done it.
class SystemdBus {
 public:
  virtual ~SystemdBus() = default;
  // One that runs already is no error; its properties stay as they are.
  virtual Result<void> startSlice(const std::string& slice, const std::vector<UnitProperty>& properties) = 0;
  // Until the next boot. kNotFound: systemd knows no such unit.
  virtual Result<void> setProperties(const std::string& unit, const std::vector<UnitProperty>& properties) = 0;
  // kNotFound: systemd knows no such unit.
  virtual Result<void> stopUnit(const std::string& unit) = 0;
};

}  // namespace cubelet::cgroups

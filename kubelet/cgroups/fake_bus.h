// FakeBus: a systemd that remembers. For tests.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kubelet/cgroups/systemd_bus.h"

namespace cubelet::cgroups {

class FakeBus final : public SystemdBus {
 public:
  Result<void> startSlice(const std::string& slice, const std::vector<UnitProperty>& properties) override {
    if (error) return fail(*error);
    calls.push_back("start " + slice);
    for (const UnitProperty& property : properties) units[slice][property.name] = property;
    return {};
  }
  Result<void> setProperties(const std::string& unit, const std::vector<UnitProperty>& properties) override {
    if (error) return fail(*error);
    calls.push_back("set " + unit);
    for (const UnitProperty& property : properties) units[unit][property.name] = property;
    return {};
  }
  Result<void> stopUnit(const std::string& unit) override {
    if (error) return fail(*error);
    calls.push_back("stop " + unit);
    if (units.erase(unit) == 0) return fail(Code::kNotFound, "", "stop: Unit " + unit + " not loaded.");
    return {};
  }

  std::map<std::string, std::map<std::string, UnitProperty>> units;
  std::vector<std::string> calls;
  std::optional<Error> error;
};

}  // namespace cubelet::cgroups

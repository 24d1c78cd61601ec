#include "staticpods/source/claims.h"

#include <algorithm>
#include <optional>
#include <set>

namespace cubelet::staticpods {
namespace {

using Keys = std::vector<std::string>;

class Resolver {
 public:
  explicit Resolver(const std::vector<Claim>& claims) {
    for (const Claim& claim : claims) sorted_.push_back(&claim);
    std::ranges::sort(sorted_, {}, &Claim::file);
    for (const Claim* claim : sorted_)
      for (const std::string& key : claim->kept) incumbents_[key] = claim->file;
  }

  std::map<std::string, Conflict> run() {
    // Each round at most one file falls back to what it has. Whoever beat it by name stands before it and has been
    // settled; whoever beat it as the incumbent keeps the key in any case. So no verdict has to be taken back.
    while (const auto out = firstLoser()) conflicts_[out->file] = out->conflict;
    return std::move(conflicts_);
  }

 private:
  struct Loser {
    std::string file;
    Conflict conflict;
  };

  bool usesCurrent(const Claim& claim) const { return claim.valid && !conflicts_.contains(claim.file); }
  const Keys& wanted(const Claim& claim) const { return usesCurrent(claim) ? claim.current : claim.kept; }

  std::map<std::string, std::string> winners() const {
    std::map<std::string, std::string> winner;
    for (const Claim* claim : sorted_)
      for (const std::string& key : wanted(*claim)) {
        const auto incumbent = incumbents_.find(key);
        const bool first = !winner.contains(key);
        if (first || (incumbent != incumbents_.end() && incumbent->second == claim->file)) winner[key] = claim->file;
      }
    return winner;
  }

  std::optional<Loser> firstLoser() const {
    const auto winner = winners();
    for (const Claim* claim : sorted_) {
      if (!usesCurrent(*claim)) continue;
      for (const std::string& key : claim->current)
        if (winner.at(key) != claim->file) return Loser{claim->file, {key, winner.at(key)}};
    }
    return std::nullopt;
  }

  std::vector<const Claim*> sorted_;
  std::map<std::string, std::string> incumbents_;  // key -> file
  std::map<std::string, Conflict> conflicts_;
};

}  // namespace

std::map<std::string, Conflict> resolveClaims(const std::vector<Claim>& claims) {
  return Resolver(claims).run();
}

}  // namespace cubelet::staticpods

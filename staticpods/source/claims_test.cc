#include "staticpods/source/claims.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace cubelet::staticpods {
namespace {

using testing::IsEmpty;

// "b: x held by a" for each file that stays out.
std::vector<std::string> outcome(const std::vector<Claim>& claims) {
  std::vector<std::string> lines;
  for (const auto& [file, conflict] : resolveClaims(claims))
    lines.push_back(file + ": " + conflict.key + " held by " + conflict.holder);
  return lines;
}

Claim newFile(std::string file, std::vector<std::string> keys) {
  return {std::move(file), true, std::move(keys), {}};
}
Claim same(std::string file, const std::vector<std::string>& keys) {
  return {std::move(file), true, keys, keys};
}
Claim change(std::string file, std::vector<std::string> from, std::vector<std::string> to) {
  return {std::move(file), true, std::move(to), std::move(from)};
}
Claim broken(std::string file, std::vector<std::string> kept) {
  return {std::move(file), false, {}, std::move(kept)};
}

struct Case {
  std::string name;
  std::vector<Claim> claims;
  std::vector<std::string> want;
};

class ResolveClaims : public testing::TestWithParam<Case> {};

TEST_P(ResolveClaims, DecidesAs) {
  EXPECT_EQ(outcome(GetParam().claims), GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, ResolveClaims,
    testing::Values(
        Case{"Nothing", {}, {}}, Case{"NoOverlap", {newFile("a", {"x"}), newFile("b", {"y"})}, {}},
        Case{"TheFirstByNameGetsIt", {newFile("b", {"x"}), newFile("a", {"x"})}, {"b: x held by a"}},
        Case{"WhoHasItKeepsIt", {newFile("a", {"x"}), same("b", {"x"})}, {"a: x held by b"}},
        Case{"WhoHasItKeepsItWhileItsFileIsBroken", {newFile("a", {"x"}), broken("b", {"x"})}, {"a: x held by b"}},
        Case{"ABrokenFileWithoutVersionHoldsNothing", {newFile("a", {"x"}), broken("b", {})}, {}},
        Case{"GivenUpAndTakenOverInOneStep", {change("a", {"x"}, {"y"}), newFile("b", {"x"})}, {}},
        Case{"TwoFilesSwap", {change("a", {"x"}, {"y"}), change("b", {"y"}, {"x"})}, {}},
        Case{"AllOrNothing", {same("a", {"x"}), newFile("b", {"y", "x"}), newFile("c", {"y"})}, {"b: x held by a"}},
        Case{"ALoserKeepsWhatItHas",
             {change("a", {"x"}, {"y", "z"}), newFile("b", {"x"}), same("c", {"z"})},
             {"a: z held by c", "b: x held by a"}},
        Case{"AChainOfNewFiles",
             {newFile("a", {"1", "2"}), newFile("b", {"2", "3"}), newFile("c", {"3"})},
             {"b: 2 held by a"}}),
    [](const auto& test) { return test.param.name; });

// What is in effect never overlaps, whatever the claims.
TEST(ResolveClaimsProperty, NoKeyIsInEffectTwice) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::vector<Claim> claims;
    std::set<std::string> taken;
    for (int i = 0; i < 6; ++i) {
      Claim claim;
      claim.file = std::string(1, static_cast<char>('a' + i));
      claim.valid = random() % 4 != 0;
      for (const char* key : {"1", "2", "3", "4", "5"}) {
        if (random() % 3 == 0) claim.current.emplace_back(key);
        if (random() % 4 == 0 && taken.insert(key).second) claim.kept.emplace_back(key);
      }
      claims.push_back(claim);
    }
    const auto conflicts = resolveClaims(claims);
    std::set<std::string> inEffect;
    for (const Claim& claim : claims) {
      const bool current = claim.valid && !conflicts.contains(claim.file);
      for (const std::string& key : current ? claim.current : claim.kept)
        EXPECT_TRUE(inEffect.insert(key).second) << key << " in round " << round;
    }
  }
}

}  // namespace
}  // namespace cubelet::staticpods

#include "kubelet/metrics/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cubelet::metrics {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(Registry, CountersHaveTheirLabels) {
  Registry registry;
  Counters& errors = registry.counters("errors_total", "Errors", {"operation_type"});
  EXPECT_THAT(registry.collect(), IsEmpty()) << "nothing has happened yet";
  errors.add({"pull_image"});
  errors.add({"pull_image"}, 2);
  const Families families = registry.collect();
  ASSERT_EQ(families.size(), 1u);
  EXPECT_EQ(families[0].kind, Kind::kCounter);
  ASSERT_EQ(families[0].samples.size(), 1u);
  EXPECT_THAT(families[0].samples[0].labels, ElementsAre(Pair("operation_type", "pull_image")));
  EXPECT_EQ(families[0].samples[0].value, 3);
  EXPECT_EQ(errors.of({"pull_image"}), 3);
  EXPECT_EQ(errors.of({"version"}), 0);
}

TEST(Registry, ACounterWithoutLabelsIsThereFromTheStart) {
  Registry registry;
  registry.counters("started_total", "Started");
  ASSERT_EQ(registry.collect().size(), 1u);
  EXPECT_EQ(registry.collect()[0].samples[0].value, 0);
}

TEST(Registry, HistogramsCountUpToEachBound) {
  Registry registry;
  Histograms& took = registry.histograms("took_seconds", "Time", {0.1, 1, 10});
  for (const double value : {0.1, 0.5, 0.7, 20.0}) took.observe({}, value);
  const Family family = registry.collect().at(0);
  EXPECT_THAT(family.bounds, ElementsAre(0.1, 1, 10));
  EXPECT_THAT(family.samples.at(0).upTo, ElementsAre(1, 3, 3));
  EXPECT_EQ(family.samples[0].count, 4u);
  EXPECT_DOUBLE_EQ(family.samples[0].value, 21.3);
  EXPECT_EQ(took.countOf({}), 4u);
}

TEST(Registry, SourcesAreAskedAtEachScrape) {
  Registry registry;
  int asked = 0;
  registry.onCollect([&](Families& out) {
    ++asked;
    out.push_back({.name = "now", .help = "Now", .kind = Kind::kGauge});
  });
  EXPECT_EQ(registry.collect().back().name, "now");
  registry.collect();
  EXPECT_EQ(asked, 2);
}

TEST(Registry, BoundsGrowByAFactor) {
  EXPECT_THAT(exponentialBounds(1, 2, 4), ElementsAre(1, 2, 4, 8));
}

}  // namespace
}  // namespace cubelet::metrics

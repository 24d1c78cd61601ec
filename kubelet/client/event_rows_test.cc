#include "kubelet/client/event_rows.h"

#include <gtest/gtest.h>

namespace cubelet::client {
namespace {

const WallTime kNow{std::chrono::seconds(1'800'000'060)};

constexpr const char* kEvent = R"({"involvedObject":{"kind":"Pod","namespace":"shop","name":"web-node1",
  "fieldPath":"spec.containers{app}"},"type":"Warning","reason":"BackOff","message":"again","count":4,
  "firstTimestamp":"2027-01-15T07:59:00Z","lastTimestamp":"2027-01-15T08:00:48Z"})";

TEST(EventRows, ShowObjectTimesAndCount) {
  Result<EventRow> row = eventRow(kEvent, kNow);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->ns, "shop");
  EXPECT_EQ(row->object, "pod/web-node1 (app)");
  EXPECT_EQ(row->type, "Warning");
  EXPECT_EQ(row->reason, "BackOff");
  EXPECT_EQ(row->message, "again");
  EXPECT_EQ(row->age, "12s (x4 over 2m)");
}

TEST(EventRows, ShowOneTimeOfASingleEvent) {
  Result<EventRow> row = eventRow(
      R"({"involvedObject":{"kind":"Node","name":"n"},"lastTimestamp":"2027-01-15T08:00:00Z","count":1})", kNow);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->age, "60s");
  EXPECT_EQ(row->object, "node/n");
}

TEST(EventRows, TakeWhateverIsMissing) {
  Result<EventRow> row = eventRow("{}", kNow);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->age, "<unknown>");
  EXPECT_FALSE(eventRow("[]", kNow));
  EXPECT_FALSE(eventRow("junk", kNow));
}

TEST(EventRows, ListsAreTakenApart) {
  EXPECT_EQ(eventTexts(R"({"items":[{"a":1},{"b":2}]})")->size(), 2u);
  EXPECT_FALSE(eventTexts("{}"));
  EXPECT_FALSE(eventTexts("junk"));
}

TEST(EventRows, AreFilteredByNamespaceAndTheBeginningOfAPodsName) {
  EventRow row = *eventRow(kEvent, kNow);
  EXPECT_TRUE(isWanted(row, "", ""));
  EXPECT_TRUE(isWanted(row, "shop", ""));
  EXPECT_FALSE(isWanted(row, "other", ""));
  EXPECT_TRUE(isWanted(row, "", "web"));
  EXPECT_TRUE(isWanted(row, "", "shop/web-node1"));
  EXPECT_FALSE(isWanted(row, "", "other/web"));
  EXPECT_FALSE(isWanted(row, "", "eb"));
  row.kind = "Node";
  EXPECT_FALSE(isWanted(row, "", "web"));
}

}  // namespace
}  // namespace cubelet::client

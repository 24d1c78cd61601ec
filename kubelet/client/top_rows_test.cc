#include "kubelet/client/top_rows.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace cubelet::client {
namespace {

using Json = nlohmann::ordered_json;

const Json kStats = Json::parse(R"({
  "node": {"nodeName": "n1", "cpu": {"usageNanoCores": 250000001}, "memory": {"workingSetBytes": 1073741824}},
  "pods": [
    {"podRef": {"namespace": "shop", "name": "db"}, "cpu": {"usageNanoCores": 1000000},
     "memory": {"workingSetBytes": 209715201}, "containers": [
       {"name": "side", "cpu": {"usageNanoCores": 0}, "memory": {"workingSetBytes": 1}},
       {"name": "main", "cpu": {"usageNanoCores": 900000}, "memory": {"workingSetBytes": 209715200}}]},
    {"podRef": {"namespace": "shop", "name": "new"}, "memory": {"workingSetBytes": 4096}, "containers": [{"name": "c"}]},
    {"podRef": {"namespace": "default", "name": "web"}, "cpu": {"usageNanoCores": 20000000},
     "memory": {"workingSetBytes": 1048576}, "containers": []}]
})");

std::vector<std::string> namesBy(TopKey key) {
  Top top = readTop(kStats);
  sortTop(top, key);
  std::vector<std::string> names;
  for (const TopPod& pod : top.pods) names.push_back(pod.name);
  return names;
}

TEST(Top, WhatUsesTheMostComesFirst) {
  EXPECT_EQ(namesBy(TopKey::kCpu), (std::vector<std::string>{"web", "db", "new"})) << "the unknown comes last";
  EXPECT_EQ(namesBy(TopKey::kMemory), (std::vector<std::string>{"db", "web", "new"}));
}

TEST(Top, ATableHasTheNodeAndItsPods) {
  Top top = readTop(kStats);
  sortTop(top, TopKey::kCpu);
  EXPECT_EQ(topTable(top, false),
            "NODE   CPU(cores)   MEMORY(bytes)\n"
            "n1     251m         1024Mi\n"
            "\n"
            "NAMESPACE   POD   CPU(cores)   MEMORY(bytes)\n"
            "default     web   20m          1Mi\n"
            "shop        db    1m           201Mi\n"
            "shop        new   -            1Mi\n");
}

TEST(Top, ContainersHaveLinesOfTheirOwn) {
  Top top = readTop(kStats);
  sortTop(top, TopKey::kMemory);
  EXPECT_EQ(topTable(top, true).substr(topTable(top, true).find("NAMESPACE")),
            "NAMESPACE   POD   CONTAINER   CPU(cores)   MEMORY(bytes)\n"
            "shop        db    main        1m           200Mi\n"
            "shop        db    side        0m           1Mi\n"
            "shop        new   c           -            -\n");
}

TEST(Top, JsonHasExactFigures) {
  Top top = readTop(kStats);
  const Json json = topJson(top);
  EXPECT_EQ(json["node"], Json::parse(R"({"name": "n1", "cpuNanoCores": 250000001, "memoryBytes": 1073741824})"));
  EXPECT_EQ(json["pods"][0]["containers"][1],
            Json::parse(R"({"name": "main", "cpuNanoCores": 900000, "memoryBytes": 209715200})"));
  EXPECT_FALSE(json["pods"][1].contains("cpuNanoCores"));
}

TEST(Top, AnythingCanBeRead) {
  for (const char* text : {"{}", R"({"node": 1, "pods": 2})", R"({"pods": [1, {"podRef": 1, "containers": [3, {}]}]})"})
    EXPECT_NO_THROW(topTable(readTop(Json::parse(text)), true)) << text;
}

}  // namespace
}  // namespace cubelet::client

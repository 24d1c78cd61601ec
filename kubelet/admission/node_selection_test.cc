#include "kubelet/admission/node_selection.h"

#include <gtest/gtest.h>

#include "kubelet/admission/test_pod.h"

namespace cubelet::admission {
namespace {

struct Case {
  std::string name;
  std::string key;
  std::string op;
  std::vector<std::string> values;
  bool selects;
};

class NodeAffinity : public testing::TestWithParam<Case> {};

core::NodeSelector& required(core::Pod& pod) {
  return *pod.mutable_spec()
              ->mutable_affinity()
              ->mutable_nodeaffinity()
              ->mutable_requiredduringschedulingignoredduringexecution();
}

void fill(core::NodeSelectorRequirement& requirement, const Case& from) {
  requirement.set_key(from.key);
  requirement.set_operator_(from.op);
  for (const std::string& value : from.values) requirement.add_values(value);
}

TEST_P(NodeAffinity, ADM_3_Operators) {
  core::Pod pod = makePod("p");
  fill(*required(pod).add_nodeselectorterms()->add_matchexpressions(), GetParam());
  EXPECT_EQ(selectsNode(pod.spec(), makeNode()), GetParam().selects);
}

INSTANTIATE_TEST_SUITE_P(
    Operators, NodeAffinity,
    testing::Values(Case{"In", "disk", "In", {"hdd", "ssd"}, true}, Case{"InOthers", "disk", "In", {"hdd"}, false},
                    Case{"InMissing", "zone", "In", {"a"}, false}, Case{"NotIn", "disk", "NotIn", {"hdd"}, true},
                    Case{"NotInListed", "disk", "NotIn", {"ssd"}, false},
                    Case{"NotInMissing", "zone", "NotIn", {"a"}, true}, Case{"Exists", "disk", "Exists", {}, true},
                    Case{"ExistsMissing", "zone", "Exists", {}, false},
                    Case{"DoesNotExist", "zone", "DoesNotExist", {}, true},
                    Case{"DoesNotExistThere", "disk", "DoesNotExist", {}, false},
                    Case{"Gt", "slots", "Gt", {"3"}, true}, Case{"GtEqual", "slots", "Gt", {"4"}, false},
                    Case{"Lt", "slots", "Lt", {"5"}, true}, Case{"LtNoNumber", "disk", "Lt", {"5"}, false},
                    Case{"GtMissing", "zone", "Gt", {"1"}, false}, Case{"Nonsense", "disk", "Like", {"ssd"}, false}),
    [](const auto& test) { return test.param.name; });

TEST(NodeSelection, ADM_3_AllOfATermAndAnyOfTheTerms) {
  core::Pod pod = makePod("p");
  core::NodeSelectorTerm& first = *required(pod).add_nodeselectorterms();
  fill(*first.add_matchexpressions(), {"", "disk", "Exists", {}, true});
  fill(*first.add_matchexpressions(), {"", "zone", "Exists", {}, true});
  EXPECT_FALSE(selectsNode(pod.spec(), makeNode()));
  fill(*required(pod).add_nodeselectorterms()->add_matchfields(), {"", "metadata.name", "In", {"n1"}, true});
  EXPECT_TRUE(selectsNode(pod.spec(), makeNode()));
}

TEST(NodeSelection, ADM_3_AnEmptyTermSelectsNothing) {
  core::Pod pod = makePod("p");
  required(pod).add_nodeselectorterms();
  EXPECT_FALSE(selectsNode(pod.spec(), makeNode()));
}

TEST(NodeSelection, ADM_3_SelectorAndAffinityMustBothHold) {
  core::Pod pod = makePod("p");
  fill(*required(pod).add_nodeselectorterms()->add_matchexpressions(), {"", "disk", "Exists", {}, true});
  (*pod.mutable_spec()->mutable_nodeselector())["zone"] = "a";
  EXPECT_FALSE(selectsNode(pod.spec(), makeNode()));
}

}  // namespace
}  // namespace cubelet::admission

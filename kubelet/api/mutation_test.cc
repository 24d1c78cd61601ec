// A small stand-in for the fuzzer (codec_fuzz.cc) in every test run: damaged manifests give documents or problems,
// never a crash, and what is accepted survives being written and read again.
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

#include "kubelet/api/codec.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::api {
namespace {

constexpr std::string_view kYaml = R"(%YAML 1.1
---
apiVersion: v1
kind: Pod
metadata:
  name: &n web
  labels: {app: *n, "tier": 'x', on: "yes"}
  creationTimestamp: 2026-01-02T03:04:05Z
spec:
  containers:
  - name: web   # comment
    image: "nginx:\u0031.27"
    command: [sh, -c, "a\
      b"]
    args:
    - |
      if true; then
        echo x
      fi
    - >-
      folded
      text
    env: &env
    - {name: A, value: "1"}
    resources:
      limits: &r {cpu: 0.5, memory: 64Mi}
      requests:
        <<: *r
        cpu: 1e2m
  - env: *env
  volumes:
  - name: v
    configMap: {name: c, defaultMode: 0644, optional: ~}
---
kind: List
items: [{kind: Pod}, ? a : b]
)";

constexpr std::string_view kJson = R"({
	"kind": "Pod", "apiVersion": "v1",
	"metadata": {"name": "a\u00e4\ud83d\ude00\n", "generation": 12, "labels": {"a": ""}},
	"spec": {"containers": [{"name": "x", "args": ["-1", "1e3"], "livenessProbe": {"httpGet": {"port": 80}},
	"resources": {"limits": {"cpu": 1.5e0, "memory": "1Gi"}}}], "hostNetwork": false, "nodeName": null}
}
)";

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  std::string mutate(std::string text) {
    for (std::size_t i = 0, times = 1 + below(4); i < times && !text.empty(); ++i) change(text);
    return text;
  }

 private:
  std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_); }

  void change(std::string& text) {
    constexpr std::string_view odd[] = {"\t", "- ",  ": ",   "\"", "'",     "[",  "]",      "{",    "}",        "&a ",
                                        "*a", "|\n", "\n",   "\r", "---\n", "# ", "!!int ", "\xff", "\xc3\xa4", "~",
                                        "? ", ",",   "<<: ", "\\", "%",     "0",  "...\n",  "  "};
    std::size_t at = below(text.size());
    std::size_t length = 1 + below(std::min<std::size_t>(20, text.size() - at));
    switch (below(5)) {
      case 0:
        text.erase(at, length);
        return;
      case 1:
        text.insert(at, odd[below(std::size(odd))]);
        return;
      case 2:
        text.insert(below(text.size()), text.substr(at, length));
        return;
      case 3:
        text.resize(at);
        return;
      default:
        text[at] = static_cast<char>(below(256));
    }
  }

  std::mt19937 random_;
};

// The Pod of the first item that decodes; false when there is none.
bool decodePod(std::string_view text, k8s::core::v1::Pod& pod) {
  std::vector<Problem> problems;
  for (Document& document : parseDocuments(text, {}, problems))
    for (const Document& item : expandLists(std::move(document), problems))
      if (decode(item, UnknownFields::kReject, pod, problems)) return true;
  for (const Problem& problem : problems) {
    EXPECT_GE(problem.line, 0);
    EXPECT_FALSE(problem.message.empty());
  }
  return false;
}

TEST(Mutations, DamagedManifestsGiveDocumentsOrProblems) {
  int accepted = 0;
  for (std::string_view seed : {kYaml, kJson}) {
    for (unsigned i = 0; i < 10'000; ++i) {
      std::string text = Mutator(i).mutate(std::string(seed));
      k8s::core::v1::Pod pod;
      if (!decodePod(text, pod)) continue;
      ++accepted;
      k8s::core::v1::Pod again;
      std::string json = toJson(pod);
      ASSERT_TRUE(decodePod(json, again)) << text;
      ASSERT_EQ(toJson(again), json) << text;
      ASSERT_TRUE(decodePod(toYaml(pod), again)) << text << "\n--\n" << toYaml(pod);
      ASSERT_EQ(toJson(again), json) << text << "\n--\n" << toYaml(pod);
    }
  }
  EXPECT_GT(accepted, 100);  // else the seeds or the mutations are too wild to test anything
}

TEST(Mutations, EveryTruncationGivesDocumentsOrProblems) {
  for (std::string_view seed : {kYaml, kJson}) {
    for (std::size_t size = 0; size < seed.size(); ++size) {
      k8s::core::v1::Pod pod;
      decodePod(seed.substr(0, size), pod);
    }
  }
}

TEST(Mutations, TheSeedsAreGood) {
  k8s::core::v1::Pod pod;
  EXPECT_TRUE(decodePod(kYaml, pod));
  EXPECT_TRUE(decodePod(kJson, pod));
}

}  // namespace
}  // namespace cubelet::api

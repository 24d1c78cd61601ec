// Tables of pods and of the problems that validate() finds in them.
#pragma once

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>
#include <ostream>
#include <string>
#include <vector>

#include "kubelet/api/pod.h"

namespace cubelet::api::validation_test {

using Texts = std::vector<std::string>;

struct Case {
  std::string name;
  std::string pod;  // protobuf text format
  Texts want;       // beginnings of the problems, in order; empty: the pod is right
};

// What a failed test and its CTest name show.
inline void PrintTo(const Case& test, std::ostream* out) {
  *out << test.name;
}

inline std::string nameOf(const testing::TestParamInfo<Case>& test) {
  return test.param.name;
}

// "path: message" of each problem of the pod with its defaults.
inline Texts problemsOf(const std::string& text) {
  core::Pod pod;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &pod)) << text;
  setDefaults(pod);
  Texts texts;
  for (const Problem& problem : validate(pod)) {
    EXPECT_TRUE(problem.fatal);
    texts.push_back(problem.path + ": " + problem.message);
  }
  return texts;
}

inline void expectProblems(const Case& test) {
  Texts have = problemsOf(test.pod);
  std::string all;
  for (const std::string& text : have) all += "\n  " + text;
  ASSERT_EQ(have.size(), test.want.size()) << all;
  for (std::size_t i = 0; i < have.size(); ++i) EXPECT_TRUE(have[i].starts_with(test.want[i])) << all;
}

inline const std::string kMetadata = "metadata { name: 'web' namespace: 'default' } ";
inline const std::string kContainer = "containers { name: 'c' image: 'i:1' } ";
// Beginnings of paths.
inline const std::string kC = "spec.containers[0].";
inline const std::string kI = "spec.initContainers[0].";
inline const std::string kV = "spec.volumes[0].";

inline std::string withSpec(const std::string& fields) {
  return kMetadata + "spec { " + fields + " }";
}

// Pods that are right but for the given fields of one part.
inline Case inMetadata(std::string name, const std::string& fields, Texts want) {
  return {std::move(name), "metadata { " + fields + " } spec { " + kContainer + " }", std::move(want)};
}
inline Case inSpec(std::string name, const std::string& fields, Texts want) {
  return {std::move(name), withSpec(kContainer + fields), std::move(want)};
}
inline Case inContainer(std::string name, const std::string& fields, Texts want) {
  return {std::move(name), withSpec("containers { name: 'c' image: 'i:1' " + fields + " }"), std::move(want)};
}
inline Case inInit(std::string name, const std::string& fields, Texts want) {
  return inSpec(std::move(name), "initContainers { name: 'i' image: 'i:1' " + fields + " }", std::move(want));
}
inline Case inVolume(std::string name, const std::string& source, Texts want) {
  return inSpec(std::move(name), "volumes { name: 'v' volumeSource { " + source + " } }", std::move(want));
}

}  // namespace cubelet::api::validation_test

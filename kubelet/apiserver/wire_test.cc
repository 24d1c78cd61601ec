#include "kubelet/apiserver/wire.h"

#include <gmock/gmock.h>
#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

#include "kubelet/api/codec.h"
#include "kubelet/apiserver/scripted_transport.h"
#include "proto/k8s/authentication.pb.h"
#include "proto/k8s/authorization.pb.h"
#include "proto/k8s/certificates.pb.h"
#include "proto/k8s/coordination.pb.h"
#include "proto/k8s/core.pb.h"
#include "proto/k8s/meta.pb.h"
#include "proto/k8s/node.pb.h"
#include "proto/k8s/storage.pb.h"

namespace cubelet::apiserver {
namespace {

namespace core = ::k8s::core::v1;
namespace meta = ::k8s::meta::v1;
using google::protobuf::Message;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

core::Pod podNamed(const std::string& name) {
  core::Pod pod;
  pod.mutable_metadata()->set_name(name);
  pod.mutable_metadata()->set_namespace_("default");
  pod.mutable_metadata()->set_uid("u-" + name);
  pod.mutable_metadata()->set_resourceversion("17");
  (*pod.mutable_metadata()->mutable_labels())["app"] = "{\"}";
  pod.mutable_spec()->add_containers()->set_name("c");
  return pod;
}

// ---- Objects

TEST(Wire, NamesKindsAsTheServerDoes) {
  struct Case {
    const Message& message;
    ObjectType want;
  };
  const std::vector<Case> cases = {
      {core::Pod::default_instance(), {"v1", "Pod"}},
      {core::NodeList::default_instance(), {"v1", "NodeList"}},
      {meta::Status::default_instance(), {"v1", "Status"}},
      {meta::DeleteOptions::default_instance(), {"v1", "DeleteOptions"}},
      {k8s::coordination::v1::Lease::default_instance(), {"coordination.k8s.io/v1", "Lease"}},
      {k8s::certificates::v1::CertificateSigningRequest::default_instance(),
       {"certificates.k8s.io/v1", "CertificateSigningRequest"}},
      {k8s::authentication::v1::TokenRequest::default_instance(), {"authentication.k8s.io/v1", "TokenRequest"}},
      {k8s::authorization::v1::SubjectAccessReview::default_instance(),
       {"authorization.k8s.io/v1", "SubjectAccessReview"}},
      {k8s::node::v1::RuntimeClass::default_instance(), {"node.k8s.io/v1", "RuntimeClass"}},
      {k8s::storage::v1::CSINode::default_instance(), {"storage.k8s.io/v1", "CSINode"}},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(typeOf(*c.message.GetDescriptor()).apiVersion, c.want.apiVersion) << c.want.kind;
    EXPECT_EQ(typeOf(*c.message.GetDescriptor()).kind, c.want.kind);
  }
}

TEST(Wire, WritesTheEnvelopeByteForByte) {
  core::Pod pod;
  pod.mutable_metadata()->set_name("a");
  const std::string want(
      "k8s\0"
      "\x0a\x09\x0a\x02v1\x12\x03Pod"
      "\x12\x05\x0a\x03\x0a\x01"
      "a",
      22);
  EXPECT_EQ(encodeObject(pod), want);
}

TEST(Wire, ReadsWhatItWrote) {
  const core::Pod pod = podNamed("web");
  core::Pod read;
  ASSERT_TRUE(decodeObject(kProtobufType, encodeObject(pod), read));
  EXPECT_EQ(api::toJson(read), api::toJson(pod));
}

TEST(Wire, IgnoresParametersAndCaseOfTheContentType) {
  core::Pod read;
  EXPECT_TRUE(decodeObject("Application/VND.kubernetes.protobuf ;stream=watch", encodeObject(podNamed("web")), read));
  EXPECT_EQ(read.metadata().name(), "web");
  EXPECT_TRUE(decodeObject("application/json; charset=utf-8",
                           R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"db"}})", read));
  EXPECT_EQ(read.metadata().name(), "db");
}

TEST(Wire, KeepsFieldsThatItsSchemaDoesNotHave) {
  core::Pod pod = podNamed("web");
  pod.GetReflection()->MutableUnknownFields(&pod)->AddVarint(77, 5);
  core::Pod read;
  ASSERT_TRUE(decodeObject(kProtobufType, encodeObject(pod), read));
  EXPECT_EQ(read.GetReflection()->GetUnknownFields(read).field_count(), 1);
}

TEST(Wire, ReadsTheListsOfUsersInJson) {
  k8s::authentication::v1::TokenReview review;
  ASSERT_TRUE(decodeObject(kJsonType,
                           R"({"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","status":{
    "authenticated":true,"user":{"username":"jane","groups":["dev"],"extra":{"scopes":["a","b"]}}}})",
                           review));
  EXPECT_THAT(review.status().user().extra().at("scopes").items(), ElementsAre("a", "b"));
  EXPECT_THAT(api::toJson(review), HasSubstr(R"("extra":{"scopes":["a","b"]})"));
}

TEST(Wire, ReadsANodeInJson) {
  core::Node node;
  ASSERT_TRUE(decodeObject(kJsonType, R"({"kind":"Node","apiVersion":"v1","metadata":{"name":"n1"},
    "spec":{"podCIDRs":["10.0.0.0/24"],"taints":[{"key":"k","effect":"NoSchedule"}],"futureField":{"a":1}},
    "status":{"capacity":{"cpu":"2"},"daemonEndpoints":{"kubeletEndpoint":{"Port":10250}},
    "nodeInfo":{"osImage":"Debian","swap":{"capacity":12}}}})",
                           node));
  EXPECT_EQ(node.status().daemonendpoints().kubeletendpoint().port(), 10250);
  EXPECT_EQ(node.status().capacity().at("cpu").string(), "2");
  EXPECT_EQ(node.status().nodeinfo().swap().capacity(), 12);
  EXPECT_EQ(node.spec().taints(0).effect(), "NoSchedule");
}

TEST(Wire, ReadsAListInJson) {
  core::PodList list;
  ASSERT_TRUE(decodeObject(kJsonType, R"({"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"9"},
    "items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}]})",
                           list));
  EXPECT_EQ(list.metadata().resourceversion(), "9");
  EXPECT_EQ(list.items_size(), 2);
}

std::string envelope(const std::string& apiVersion, const std::string& kind, const std::string& raw,
                     const std::string& contentType = "", const std::string& encoding = "") {
  meta::Unknown unknown;
  unknown.mutable_typemeta()->set_apiversion(apiVersion);
  unknown.mutable_typemeta()->set_kind(kind);
  unknown.set_raw(raw);
  if (!contentType.empty()) unknown.set_contenttype(contentType);
  if (!encoding.empty()) unknown.set_contentencoding(encoding);
  return std::string("k8s\0", 4) + unknown.SerializeAsString();
}

struct Refusal {
  std::string name;
  std::string contentType;
  std::string bytes;
  std::string want;  // part of the message
};
class WireRefuses : public testing::TestWithParam<Refusal> {};

TEST_P(WireRefuses, WithAMessageAndAnEmptyObject) {
  core::Pod pod = podNamed("old");
  Result<void> read = decodeObject(GetParam().contentType, GetParam().bytes, pod);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::kInternal);
  EXPECT_EQ(read.error().reason, kBadAnswer);
  EXPECT_THAT(read.error().message, HasSubstr(GetParam().want));
  EXPECT_EQ(pod.ByteSizeLong(), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, WireRefuses,
    testing::Values(
        Refusal{"Nothing", kProtobufType, "", "no k8s\\0"}, Refusal{"ShortMagic", kProtobufType, "k8s", "no k8s\\0"},
        Refusal{"BadMagic", kProtobufType, std::string("k9s\0\x0a", 5), "no k8s\\0"},
        Refusal{"JsonCalledProtobuf", kProtobufType, R"({"kind":"Pod"})", "no k8s\\0"},
        Refusal{"OtherKind", kProtobufType, envelope("v1", "Secret", ""), R"(expected v1 Pod, got "v1 Secret")"},
        Refusal{"OtherGroup", kProtobufType, envelope("v2", "Pod", ""), R"(got "v2 Pod")"},
        Refusal{"NoKind", kProtobufType, std::string("k8s\0", 4), "expected v1 Pod"},
        Refusal{"HostileKind", kProtobufType, envelope("v1", "a\nb\x1b[31m", ""), R"(got "v1 a b [31m")"},
        Refusal{"BrokenEnvelope", kProtobufType, std::string("k8s\0\x0a\x7f", 6), "envelope is broken"},
        Refusal{"BrokenObject", kProtobufType, envelope("v1", "Pod", "\x0a\x7f"), "Pod in the protobuf envelope"},
        Refusal{"JsonInside", kProtobufType, envelope("v1", "Pod", "{}", "application/json"), "application/json"},
        Refusal{"Compressed", kProtobufType, envelope("v1", "Pod", "", "", "gzip"), "gzip"},
        Refusal{"Html", "text/html", "<html>\nno</html>", R"(got "text/html" of 16 bytes)"},
        Refusal{"NoType", "", "{}", "got \"\""}, Refusal{"EmptyJson", kJsonType, "", "got 0"},
        Refusal{"TwoObjects", kJsonType, R"({"kind":"Pod","apiVersion":"v1"}{"kind":"Pod","apiVersion":"v1"})",
                "got 2"},
        Refusal{"CutJson", kJsonType, R"({"kind":"Pod","apiVersion":"v1",)", "cannot be read"},
        Refusal{"OtherKindInJson", kJsonType, R"({"kind":"PodList","apiVersion":"v1"})", R"(got "v1 PodList")"},
        Refusal{"WrongTypeInJson", kJsonType, R"({"kind":"Pod","apiVersion":"v1","spec":[]})", "does not fit"}),
    [](const auto& param) { return param.param.name; });

TEST(Wire, RefusesAnObjectOverTheLimit) {
  const std::string bytes(kMaxObjectBytes + 1, '\0');
  core::Pod pod;
  Result<void> read = decodeObject(kProtobufType, bytes, pod);
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, HasSubstr("over the limit"));
}

TEST(Wire, NeverTakesACutObjectForAWholeOne) {
  const std::string whole = encodeObject(podNamed("web"));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    core::Pod pod;
    EXPECT_FALSE(decodeObject(kProtobufType, whole.substr(0, size), pod)) << size;
  }
}

// ---- Watch streams

struct Got {
  std::vector<std::string> events;  // "ADDED web"
  std::function<Result<void>(WatchFrame)> taker() {
    return [this](WatchFrame frame) -> Result<void> {
      static const char* const kNames[] = {"ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"};
      core::Pod pod;
      if (frame.type == WatchType::kError) {
        meta::Status status;
        if (auto read = decodeObject(frame.contentType, frame.object, status); !read) return read;
        events.push_back("ERROR " + status.reason());
        return {};
      }
      if (auto read = decodeObject(frame.contentType, frame.object, pod); !read) return read;
      events.push_back(std::string(kNames[static_cast<int>(frame.type)]) + " " + pod.metadata().name());
      return {};
    };
  }
};

std::string protobufStream() {
  meta::Status gone;
  gone.set_reason("Expired");
  gone.set_code(410);
  return frameOf("ADDED", podNamed("a")) + frameOf("MODIFIED", podNamed("b")) + frameOf("DELETED", podNamed("c")) +
         frameOf("BOOKMARK", podNamed("d")) + frameOf("ERROR", gone);
}

std::string jsonEvent(const std::string& type, const std::string& object) {
  return R"({"type":")" + type + R"(","object":)" + object + "}\n";
}

std::string jsonStream() {
  auto pod = [](const std::string& name) { return api::toJson(podNamed(name), {.apiVersion = "v1", .kind = "Pod"}); };
  return jsonEvent("ADDED", pod("a")) + jsonEvent("MODIFIED", pod("b")) + "\n" + jsonEvent("DELETED", pod("c")) +
         jsonEvent("BOOKMARK", pod("d")) +
         jsonEvent("ERROR", R"({"kind":"Status","apiVersion":"v1","reason":"Expired","code":410})");
}

const auto kAllEvents = ElementsAre("ADDED a", "MODIFIED b", "DELETED c", "BOOKMARK d", "ERROR Expired");

TEST(WatchDecoder, CutsBothEncodingsHoweverTheyArrive) {
  for (const std::string& stream : {protobufStream(), jsonStream()}) {
    for (std::size_t chunk = 1; chunk <= stream.size(); chunk = chunk < 40 ? chunk + 1 : chunk * 2) {
      WatchDecoder decoder;
      Got got;
      for (std::size_t at = 0; at < stream.size(); at += chunk)
        ASSERT_TRUE(decoder.feed(std::string_view(stream).substr(at, chunk), got.taker())) << chunk;
      EXPECT_THAT(got.events, kAllEvents) << chunk;
      EXPECT_TRUE(decoder.atBoundary()) << chunk;
    }
  }
}

TEST(WatchDecoder, KnowsWhenItStandsWithinAnEvent) {
  for (const std::string& event : {frameOf("ADDED", podNamed("a")), jsonEvent("ADDED", "{}")}) {
    for (std::size_t size = 1; size + 1 < event.size(); ++size) {
      WatchDecoder decoder;
      Got got;
      ASSERT_TRUE(decoder.feed(event.substr(0, size), got.taker()));
      EXPECT_FALSE(decoder.atBoundary()) << size;
      EXPECT_THAT(got.events, IsEmpty());
    }
  }
}

TEST(WatchDecoder, RefusesAFrameOverSixteenMebibytesBeforeItHasCome) {
  WatchDecoder decoder;
  Got got;
  EXPECT_TRUE(decoder.feed(std::string("\x01\x00\x00\x00", 4), got.taker()));
  WatchDecoder other;
  Result<void> fed = other.feed(std::string("\x01\x00\x00\x01", 4), got.taker());
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().reason, kBadAnswer);
  EXPECT_THAT(fed.error().message, HasSubstr("16777217"));
}

TEST(WatchDecoder, RefusesEndlessJson) {
  WatchDecoder decoder;
  Got got;
  ASSERT_TRUE(decoder.feed("{\"type\":\"", got.taker()));
  const std::string more(1 << 20, 'x');
  Result<void> fed;
  for (int i = 0; i < 17 && fed; ++i) fed = decoder.feed(more, got.taker());
  ASSERT_FALSE(fed);
  EXPECT_THAT(fed.error().message, HasSubstr("over the watch's limit"));
}

TEST(WatchDecoder, RefusesWhatIsNoWatch) {
  const std::vector<std::string> streams = {"HTTP/1.1 200",
                                            "<html>",
                                            "[1]",
                                            "}",
                                            std::string("\0\0\0\2\x0a\x7f", 6),
                                            frameOf("RENAMED", podNamed("a")),
                                            jsonEvent("RENAMED", "{}"),
                                            "{\"type\":5}",
                                            "{]}"};
  for (const std::string& stream : streams) {
    WatchDecoder decoder;
    Got got;
    EXPECT_FALSE(decoder.feed(stream, got.taker())) << stream;
    EXPECT_FALSE(decoder.feed(frameOf("ADDED", podNamed("a")), got.taker())) << "failed for good";
    EXPECT_THAT(got.events, IsEmpty());
  }
}

TEST(WatchDecoder, StopsAtTheFirstEventThatItsUserRefuses) {
  WatchDecoder decoder;
  int seen = 0;
  auto refuse = [&](WatchFrame) -> Result<void> {
    ++seen;
    return fail(Code::kInvalid, "Mine", "no");
  };
  Result<void> fed = decoder.feed(protobufStream(), refuse);
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().reason, "Mine");
  EXPECT_EQ(seen, 1);
}

// ---- Damage

TEST(Wire, SurvivesDamage) {
  google::protobuf::LogSilencer quiet;  // protobuf tells each string that is no UTF-8
  std::mt19937 random(7);
  const std::vector<std::string> seeds = {encodeObject(podNamed("web")), protobufStream(), jsonStream(),
                                          api::toJson(podNamed("web"), {.apiVersion = "v1", .kind = "Pod"})};
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = seeds[random() % seeds.size()];
    for (unsigned change = random() % 4 + 1; change > 0 && !bytes.empty(); --change) {
      const std::size_t at = random() % bytes.size();
      switch (random() % 4) {
        case 0:
          bytes[at] = static_cast<char>(random());
          break;
        case 1:
          bytes.erase(at, random() % 9);
          break;
        case 2:
          bytes.insert(at, 1 + random() % 3, static_cast<char>(random()));
          break;
        default:
          bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
      }
    }
    core::Pod pod;
    for (const char* type : {kProtobufType, kJsonType})
      if (decodeObject(type, bytes, pod)) {
        ++accepted;
        api::toJson(pod);
      }
    WatchDecoder decoder;
    Got got;
    const std::size_t half = bytes.size() / 2;
    if (decoder.feed(std::string_view(bytes).substr(0, half), got.taker()))
      (void)decoder.feed(std::string_view(bytes).substr(half), got.taker());
  }
  // Otherwise the damage would all be found at the door and nothing behind it was tried.
  EXPECT_GT(accepted, 500);
}

// ---- Failures

struct Failure {
  std::string name;
  int status;
  std::string reason;
  Code wantCode;
  std::string wantReason;
};
class StatusError : public testing::TestWithParam<Failure> {};

TEST_P(StatusError, SaysWhatToDo) {
  const Failure& c = GetParam();
  Error error = statusError(failureOf(c.status, c.reason, "the server's words"), "GET /x");
  EXPECT_EQ(error.code, c.wantCode) << toString(error.code);
  EXPECT_EQ(error.reason, c.wantReason);
  EXPECT_EQ(error.message, "GET /x: the server's words");
}

INSTANTIATE_TEST_SUITE_P(
    Cases, StatusError,
    testing::Values(Failure{"BadRequest", 400, "BadRequest", Code::kInvalid, "BadRequest"},
                    Failure{"Unauthorized", 401, "Unauthorized", Code::kInvalid, "Unauthorized"},
                    Failure{"Forbidden", 403, "Forbidden", Code::kInvalid, "Forbidden"},
                    Failure{"NotFound", 404, "NotFound", Code::kNotFound, "NotFound"},
                    Failure{"AlreadyExists", 409, "AlreadyExists", Code::kAlreadyExists, "AlreadyExists"},
                    Failure{"Conflict", 409, "Conflict", Code::kInvalid, "Conflict"},
                    Failure{"Gone", 410, "Gone", Code::kInvalid, "Gone"},
                    Failure{"Expired", 410, "Expired", Code::kInvalid, "Expired"},
                    Failure{"Invalid", 422, "Invalid", Code::kInvalid, "Invalid"},
                    Failure{"TooMany", 429, "TooManyRequests", Code::kUnavailable, "TooManyRequests"},
                    Failure{"Internal", 500, "InternalError", Code::kUnavailable, "InternalError"},
                    Failure{"Unavailable", 503, "ServiceUnavailable", Code::kUnavailable, "ServiceUnavailable"},
                    Failure{"Timeout", 504, "Timeout", Code::kTimedOut, "Timeout"},
                    Failure{"NoReason", 403, "", Code::kInvalid, "Forbidden"}),
    [](const auto& param) { return param.param.name; });

TEST(StatusErrorOf, AnswerThatIsNoStatusQuotesItsBeginning) {
  Response response;
  response.status = 502;
  response.contentType = "text/html";
  response.body = "<h1>Bad\nGateway</h1>" + std::string(1000, 'x');
  Error error = statusError(response, "GET /x");
  EXPECT_EQ(error.code, Code::kUnavailable);
  EXPECT_EQ(error.reason, "InternalError");
  EXPECT_THAT(error.message, HasSubstr("GET /x: HTTP status 502: \"<h1>Bad Gateway</h1>xxx"));
  EXPECT_LT(error.message.size(), 400u);
}

TEST(StatusErrorOf, AnswerWithoutBodyNamesTheStatus) {
  Response response;
  response.status = 401;
  Error error = statusError(response, "GET /x");
  EXPECT_EQ(error.reason, "Unauthorized");
  EXPECT_EQ(error.message, "GET /x: HTTP status 401");
}

TEST(StatusErrorOf, VersionFromTheFutureHasItsOwnReason) {
  meta::Status status;
  status.set_code(504);
  status.set_reason("Timeout");
  status.set_message("Too large resource version: 5, current: 4");
  EXPECT_EQ(statusError(status, "x").reason, kTooLargeResourceVersion);
  status.set_message("in other words");
  EXPECT_EQ(statusError(status, "x").reason, "Timeout");
  status.mutable_details()->add_causes()->set_reason("ResourceVersionTooLarge");
  EXPECT_EQ(statusError(status, "x").reason, kTooLargeResourceVersion);
  EXPECT_EQ(statusError(status, "x").code, Code::kTimedOut);
}

}  // namespace
}  // namespace cubelet::apiserver

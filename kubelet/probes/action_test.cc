#include "kubelet/probes/action.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

namespace cubelet::probes {
namespace {

core::Container container() {
  core::Container out;
  out.set_name("web");
  core::ContainerPort* http = out.add_ports();
  http->set_name("http");
  http->set_containerport(8080);
  core::ContainerPort* number = out.add_ports();
  number->set_name("9");
  number->set_containerport(99);
  return out;
}

// "exec a b", "GET url | Name: value | ...", "tcp host:port", "grpc host:port/service", or "error: ...".
std::string describe(const std::string& handler, const std::string& podIp = "10.0.0.7") {
  core::ProbeHandler parsed;
  if (!google::protobuf::TextFormat::ParseFromString(handler, &parsed)) return "bad test";
  ActionContext context;
  context.podIp = podIp;
  context.userAgent = "kube-probe/1.36";
  context.expand = [](const core::Container& own, const std::string& word) {
    return word == "$(NAME)" ? own.name() : word;
  };
  Result<Action> action = makeAction(parsed, container(), context);
  if (!action) return "error: " + action.error().message;
  std::string out;
  if (const auto* exec = std::get_if<ExecAction>(&*action)) {
    out = "exec";
    for (const std::string& word : exec->command) out += " " + word;
  } else if (const auto* request = std::get_if<http::Request>(&*action)) {
    out = "GET " + http::toText(request->url);
    for (const auto& [name, value] : request->headers) out += " | " + name + ": " + value;
  } else if (const auto* tcp = std::get_if<TcpAction>(&*action)) {
    out = "tcp " + http::hostAndPort(tcp->host, tcp->port);
  } else {
    const auto& grpc = std::get<GrpcAction>(*action);
    out = "grpc " + http::hostAndPort(grpc.host, grpc.port) + "/" + grpc.service;
  }
  return out;
}

TEST(ProbeAction, PRB_10_CommandsAreExpanded) {
  EXPECT_EQ(describe(R"pb(exec { command: "echo" command: "$(NAME)" })pb"), "exec echo web");
}

constexpr char kUsual[] = " | User-Agent: kube-probe/1.36 | Accept: */*";

TEST(ProbeAction, PRB_11_HttpRequests) {
  struct Row {
    const char* name;
    const char* handler;
    std::string want;
  };
  const Row rows[] = {
      {"number", R"(httpGet { path: "/" port { type: 0 intVal: 80 } scheme: "HTTP" })",
       std::string("GET http://10.0.0.7:80/") + kUsual},
      {"port name", R"(httpGet { path: "/" port { type: 1 strVal: "http" } })",
       std::string("GET http://10.0.0.7:8080/") + kUsual},
      {"number as a text", R"(httpGet { path: "/" port { type: 1 strVal: "81" } })",
       std::string("GET http://10.0.0.7:81/") + kUsual},
      {"a name that looks like a number", R"(httpGet { path: "/" port { type: 1 strVal: "9" } })",
       std::string("GET http://10.0.0.7:99/") + kUsual},
      {"unknown name", R"(httpGet { path: "/" port { type: 1 strVal: "admin" } })",
       "error: couldn't find port: container web has no port \"admin\""},
      {"port zero", R"(httpGet { path: "/" port { type: 0 intVal: 0 } })", "error: invalid port number: 0"},
      {"port too big", R"(httpGet { path: "/" port { type: 1 strVal: "70000" } })",
       "error: invalid port number: 70000"},
      {"https and host", R"(httpGet { path: "/x?y=1" port { intVal: 1 } scheme: "HTTPS" host: "example.com" })",
       std::string("GET https://example.com:1/x?y=1") + kUsual},
      {"no first slash", R"(httpGet { path: "healthz" port { intVal: 1 } })",
       std::string("GET http://10.0.0.7:1/healthz") + kUsual},
      {"own headers", R"(httpGet { port { intVal: 1 } httpHeaders { name: "X-A" value: "1" }
                         httpHeaders { name: "user-agent" value: "me" } httpHeaders { name: "ACCEPT" value: "a/b" } })",
       "GET http://10.0.0.7:1/ | X-A: 1 | user-agent: me | ACCEPT: a/b"},
      {"no Accept", R"(httpGet { port { intVal: 1 } httpHeaders { name: "Accept" value: "" } })",
       "GET http://10.0.0.7:1/ | User-Agent: kube-probe/1.36"},
      {"Host", R"(httpGet { port { intVal: 1 } httpHeaders { name: "Host" value: "web.example" } })",
       std::string("GET http://10.0.0.7:1/ | Host: web.example") + kUsual},
  };
  for (const Row& row : rows) EXPECT_EQ(describe(row.handler), row.want) << row.name;
}

TEST(ProbeAction, PRB_12_TcpAndGrpc) {
  EXPECT_EQ(describe(R"(tcpSocket { port { type: 1 strVal: "http" } })"), "tcp 10.0.0.7:8080");
  EXPECT_EQ(describe(R"(tcpSocket { port { intVal: 5 } host: "::1" })"), "tcp [::1]:5");
  EXPECT_EQ(describe(R"(grpc { port: 5 service: "" })"), "grpc 10.0.0.7:5/");
  EXPECT_EQ(describe(R"(grpc { port: 5 service: "db" })"), "grpc 10.0.0.7:5/db");
  EXPECT_EQ(describe(""), "error: missing probe handler for container web");
}

TEST(ProbeAction, APodWithoutAnAddressIsNotAskedAtAnother) {
  EXPECT_EQ(describe(R"(tcpSocket { port { intVal: 5 } })", ""), "error: the pod has no address yet");
  EXPECT_EQ(describe(R"(tcpSocket { port { intVal: 5 } host: "h" })", ""), "tcp h:5");
}

}  // namespace
}  // namespace cubelet::probes

// Service accounts for credential providers, as the API server has them (KEP-4412).
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <utility>

#include "kubelet/apiserver/api_client.h"
#include "kubelet/apiserver/resource.h"
#include "kubelet/images/node_credentials.h"
#include "kubelet/objects/objects.h"

namespace cubelet {

// Loop thread only.
class ApiAccounts final : public images::Accounts {
 public:
  // Both answer null while there is no API server to ask.
  struct Sources {
    std::function<apiserver::ApiClient*()> client;
    std::function<objects::Objects*()> objects;
  };
  explicit ApiAccounts(Sources sources) : sources_(std::move(sources)) {}

  Task<Result<Account>> account(std::string ns, std::string name) override {
    apiserver::ApiClient* client = sources_.client();
    if (client == nullptr) co_return noApiServer();
    auto call = client->get<k8s::core::v1::ServiceAccount>(apiserver::kServiceAccounts.object(ns, name));
    Result<k8s::core::v1::ServiceAccount> found = co_await std::move(call);
    if (!found) co_return fail(std::move(found.error()));
    const auto& annotations = found->metadata().annotations();
    co_return Account{.uid = found->metadata().uid(), .annotations = {annotations.begin(), annotations.end()}};
  }
  Task<Result<std::string>> token(k8s::core::v1::Pod pod, std::string audience) override {
    constexpr std::chrono::seconds kLife = std::chrono::hours(1);  // the API server's default
    objects::Objects* objects = sources_.objects();
    if (objects == nullptr) co_return noApiServer();
    Result<objects::Token> token = co_await objects->token(std::move(pod), std::move(audience), kLife);
    if (!token) co_return fail(std::move(token.error()));
    co_return std::move(token->text);
  }

 private:
  static std::unexpected<Error> noApiServer() {
    return fail(Code::kUnavailable, "", "there is no API server to ask yet");
  }

  Sources sources_;
};

}  // namespace cubelet

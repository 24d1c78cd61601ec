#include "kubelet/resize/resources.h"

#include <algorithm>
#include <array>

#include "kubelet/api/quantity.h"

namespace cubelet::resize {
namespace {

constexpr std::array kResizable = {std::string_view("cpu"), std::string_view("memory")};
using Quantities = google::protobuf::Map<std::string, k8s::meta::v1::Quantity>;

api::ResourceAmounts amountsOf(const Quantities& quantities) {
  api::ResourceAmounts out;
  for (std::string_view resource : kResizable)
    if (auto found = quantities.find(std::string(resource)); found != quantities.end())
      out.emplace(resource, found->second.string());
  return out;
}

Resources resourcesOf(const core::ResourceRequirements& requirements) {
  return {.requests = amountsOf(requirements.requests()), .limits = amountsOf(requirements.limits())};
}

void put(const api::ResourceAmounts& amounts, Quantities& quantities) {
  for (std::string_view resource : kResizable) {
    const std::string name(resource);
    if (auto amount = amounts.find(resource); amount != amounts.end())
      quantities[name].set_string(amount->second);
    else
      quantities.erase(name);
  }
}

// A message that says nothing stays absent.
template <class Owner>
void put(const Resources& resources, Owner& owner) {
  if (!owner.has_resources() && resources.requests.empty() && resources.limits.empty()) return;
  put(resources.requests, *owner.mutable_resources()->mutable_requests());
  put(resources.limits, *owner.mutable_resources()->mutable_limits());
}

bool sameIn(std::string_view resource, const api::ResourceAmounts& one, const api::ResourceAmounts& other) {
  // A limit of nothing is none.
  return api::compareQuantities(amountOf(one, resource), amountOf(other, resource)) == 0;
}

}  // namespace

PodResources resourcesOf(const core::Pod& pod) {
  PodResources out;
  for (const auto* list : {&pod.spec().initcontainers(), &pod.spec().containers()})
    for (const core::Container& container : *list)
      out.containers[container.name()] = resourcesOf(container.resources());
  out.pod = resourcesOf(pod.spec().resources());
  return out;
}

core::Pod withResources(core::Pod pod, const PodResources& resources) {
  core::PodSpec& spec = *pod.mutable_spec();
  for (auto* list : {spec.mutable_initcontainers(), spec.mutable_containers()})
    for (core::Container& container : *list)
      if (auto own = resources.containers.find(container.name()); own != resources.containers.end())
        put(own->second, container);
  put(resources.pod, spec);
  return pod;
}

bool same(std::string_view resource, const Resources& one, const Resources& other) {
  return sameIn(resource, one.requests, other.requests) && sameIn(resource, one.limits, other.limits);
}

bool same(const Resources& one, const Resources& other) {
  return std::ranges::all_of(kResizable, [&](std::string_view resource) { return same(resource, one, other); });
}

bool same(const PodResources& one, const PodResources& other) {
  return same(one.pod, other.pod) &&
         std::ranges::equal(one.containers, other.containers, [](const auto& left, const auto& right) {
           return left.first == right.first && same(left.second, right.second);
         });
}

std::string_view amountOf(const api::ResourceAmounts& amounts, std::string_view resource) {
  auto found = amounts.find(resource);
  return found == amounts.end() ? std::string_view("0") : std::string_view(found->second);
}

}  // namespace cubelet::resize

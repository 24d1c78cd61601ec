#include "kubelet/api/pod_validation.h"

namespace cubelet::api::validation {
namespace {

constexpr int kMaxNameservers = 3;
constexpr int kMaxSearches = 32;
constexpr std::size_t kMaxSearchCharacters = 2048;
constexpr std::size_t kMaxHostname = 64;  // of Linux

void checkHostname(const core::PodSpec& spec, const Field& field, FieldErrors& errors) {
  if (!spec.hostname().empty())
    errors.invalid(field.child("hostname"), spec.hostname(), whyNotDnsLabel(spec.hostname()));
  if (!spec.subdomain().empty())
    errors.invalid(field.child("subdomain"), spec.subdomain(), whyNotDnsLabel(spec.subdomain()));
  if (!spec.has_hostnameoverride()) return;
  Field place = field.child("hostnameOverride");
  errors.invalid(place, spec.hostnameoverride(), whyNotDnsSubdomain(spec.hostnameoverride()));
  if (spec.hostnameoverride().size() > kMaxHostname) errors.tooLong(place, kMaxHostname);
  if (spec.hostnetwork()) errors.forbidden(place, "may not be set when `hostNetwork` is true");
  if (spec.sethostnameasfqdn()) errors.forbidden(place, "may not be set when `setHostnameAsFQDN` is true");
}

void checkSearches(const core::PodDNSConfig& config, const Field& field, FieldErrors& errors) {
  if (config.searches_size() > kMaxSearches)
    errors.invalid(field, config.searches_size(), "must not have more than 32 search paths");
  std::size_t characters = 0;
  for (int i = 0; i < config.searches_size(); ++i) {
    std::string_view search = config.searches(i);
    characters += search.size() + (i > 0 ? 1 : 0);
    if (search == ".") continue;  // the root alone
    if (search.ends_with('.')) search.remove_suffix(1);
    errors.invalid(field.index(i), config.searches(i), whyNotSearchDomain(search));
  }
  if (characters > kMaxSearchCharacters)
    errors.invalid(field, characters, "must not have more than 2048 characters (including spaces) in the search list");
}

void checkDns(const core::PodSpec& spec, const Field& field, FieldErrors& errors) {
  errors.oneOf(field.child("dnsPolicy"), spec.dnspolicy(),
               {"ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"});
  const core::PodDNSConfig& config = spec.dnsconfig();
  Field place = field.child("dnsConfig");
  Field servers = place.child("nameservers");
  if (spec.dnspolicy() == "None") {
    if (!spec.has_dnsconfig()) return errors.required(place, "must provide `dnsConfig` when `dnsPolicy` is None");
    if (config.nameservers().empty())
      return errors.required(servers, "must provide at least one DNS nameserver when `dnsPolicy` is None");
  }
  if (config.nameservers_size() > kMaxNameservers)
    errors.invalid(servers, config.nameservers_size(), "must not have more than 3 nameservers");
  for (int i = 0; i < config.nameservers_size(); ++i)
    errors.invalid(servers.index(i), config.nameservers(i), whyNotIp(config.nameservers(i)));
  checkSearches(config, place.child("searches"), errors);
  for (int i = 0; i < config.options_size(); ++i)
    if (config.options(i).name().empty())
      errors.required(place.child("options").index(i).child("name"), "must not be empty");
}

void checkHostAliases(const core::PodSpec& spec, const Field& field, FieldErrors& errors) {
  for (int i = 0; i < spec.hostaliases_size(); ++i) {
    const core::HostAlias& alias = spec.hostaliases(i);
    Field place = field.index(i);
    errors.invalid(place.child("ip"), alias.ip(), whyNotIp(alias.ip()));
    for (int j = 0; j < alias.hostnames_size(); ++j)
      errors.invalid(place.child("hostnames").index(j), alias.hostnames(j), whyNotDnsSubdomain(alias.hostnames(j)));
  }
}

// On the host's network a port is a host port, whether it says so or not.
void checkHostNetworkPorts(const core::PodSpec& spec, const Field& field, FieldErrors& errors) {
  if (!spec.hostnetwork()) return;
  for (int i = 0; i < spec.containers_size(); ++i) {
    const core::Container& container = spec.containers(i);
    for (int j = 0; j < container.ports_size(); ++j)
      if (container.ports(j).hostport() != container.ports(j).containerport())
        errors.invalid(field.index(i).child("ports").index(j).child("hostPort"), container.ports(j).hostport(),
                       "must match `containerPort` when `hostNetwork` is true");
  }
}

}  // namespace

void checkNetwork(const PodContext& context, FieldErrors& errors) {
  Field field("spec");
  checkHostNetworkPorts(context.spec, field.child("containers"), errors);
  checkHostname(context.spec, field, errors);
  checkDns(context.spec, field, errors);
  checkHostAliases(context.spec, field.child("hostAliases"), errors);
}

}  // namespace cubelet::api::validation

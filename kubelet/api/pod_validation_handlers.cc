#include <algorithm>

#include "kubelet/api/pod_validation.h"

namespace cubelet::api::validation {
namespace {

// Of a probe or of a hook; absent members are null.
struct Handler {
  const core::ExecAction* exec = nullptr;
  const core::HTTPGetAction* httpGet = nullptr;
  const core::TCPSocketAction* tcpSocket = nullptr;
  const core::GRPCAction* grpc = nullptr;
  const core::SleepAction* sleep = nullptr;
};

template <class Message>
Handler commonMembers(const Message& message) {
  Handler handler;
  if (message.has_exec()) handler.exec = &message.exec();
  if (message.has_httpget()) handler.httpGet = &message.httpget();
  if (message.has_tcpsocket()) handler.tcpSocket = &message.tcpsocket();
  return handler;
}

Handler handlerOf(const core::ProbeHandler& message) {
  Handler handler = commonMembers(message);
  if (message.has_grpc()) handler.grpc = &message.grpc();
  return handler;
}

Handler handlerOf(const core::LifecycleHandler& message) {
  Handler handler = commonMembers(message);
  if (message.has_sleep()) handler.sleep = &message.sleep();
  return handler;
}

void checkPort(const k8s::meta::v1::IntOrString& port, const Field& field, FieldErrors& errors) {
  if (port.type() == 1)
    errors.invalid(field, port.strval(), whyNotPortName(port.strval()));
  else
    errors.invalid(field, port.intval(), whyNotPortNumber(port.intval()));
}

void checkHttpGet(const core::HTTPGetAction& httpGet, const Field& field, FieldErrors& errors) {
  requireText(httpGet.path(), field.child("path"), errors);
  checkPort(httpGet.port(), field.child("port"), errors);
  errors.oneOf(field.child("scheme"), httpGet.scheme(), {"HTTP", "HTTPS"});
  for (int i = 0; i < httpGet.httpheaders_size(); ++i) {
    const std::string& name = httpGet.httpheaders(i).name();
    errors.invalid(field.child("httpHeaders").index(i).child("name"), name, whyNotHeaderName(name));
  }
}

void checkSleep(const PodContext& context, const core::SleepAction& sleep, const Field& field, FieldErrors& errors) {
  if (!context.gracePeriod) return;
  if (sleep.seconds() < 0 || sleep.seconds() > *context.gracePeriod)
    errors.invalid(field.child("seconds"), sleep.seconds(),
                   "must be non-negative and less than terminationGracePeriodSeconds (" +
                       std::to_string(*context.gracePeriod) + ")");
}

void checkHandler(const PodContext& context, const Handler& handler, const Field& field, FieldErrors& errors) {
  int count = 0;
  // Only the first member is looked at closer; the others are one mistake each.
  auto isFirst = [&](const void* member, std::string_view name) {
    if (member == nullptr) return false;
    if (++count == 1) return true;
    errors.forbidden(field.child(name), "may not specify more than 1 handler type");
    return false;
  };
  if (isFirst(handler.exec, "exec") && handler.exec->command().empty())
    errors.required(field.child("exec").child("command"));
  if (isFirst(handler.httpGet, "httpGet")) checkHttpGet(*handler.httpGet, field.child("httpGet"), errors);
  if (isFirst(handler.tcpSocket, "tcpSocket"))
    checkPort(handler.tcpSocket->port(), field.child("tcpSocket").child("port"), errors);
  if (isFirst(handler.grpc, "grpc"))
    errors.invalid(field.child("grpc").child("port"), handler.grpc->port(), whyNotPortNumber(handler.grpc->port()));
  if (isFirst(handler.sleep, "sleep")) checkSleep(context, *handler.sleep, field.child("sleep"), errors);
  if (count == 0) errors.required(field, "must specify a handler type");
}

enum class ProbeKind { kLiveness, kReadiness, kStartup };

void checkProbe(const PodContext& context, const core::Probe& probe, ProbeKind kind, const Field& field,
                FieldErrors& errors) {
  checkHandler(context, handlerOf(probe.handler()), field, errors);
  auto notNegative = [&](std::string_view name, std::int32_t value) {
    if (value < 0) errors.invalid(field.child(name), value, kNotNegative);
  };
  notNegative("initialDelaySeconds", probe.initialdelayseconds());
  notNegative("timeoutSeconds", probe.timeoutseconds());
  notNegative("periodSeconds", probe.periodseconds());
  notNegative("successThreshold", probe.successthreshold());
  notNegative("failureThreshold", probe.failurethreshold());
  Field grace = field.child("terminationGracePeriodSeconds");
  if (probe.has_terminationgraceperiodseconds()) {
    if (kind == ProbeKind::kReadiness)
      errors.invalid(grace, probe.terminationgraceperiodseconds(), "must not be set for readinessProbes");
    else if (probe.terminationgraceperiodseconds() <= 0)
      errors.invalid(grace, probe.terminationgraceperiodseconds(), "must be greater than 0");
  }
  if (kind != ProbeKind::kReadiness && probe.successthreshold() != 1)
    errors.invalid(field.child("successThreshold"), probe.successthreshold(), "must be 1");
}

bool isRealTimeSignal(std::string_view name) {
  auto between = [](std::string_view digits, int most) {
    if (digits.empty() || digits.size() > 2 || digits[0] == '0') return false;
    int number = 0;
    for (char c : digits) {
      if (c < '0' || c > '9') return false;
      number = number * 10 + (c - '0');
    }
    return number <= most;
  };
  if (name.starts_with("SIGRTMIN+")) return between(name.substr(9), 15);
  if (name.starts_with("SIGRTMAX-")) return between(name.substr(9), 14);
  return name == "SIGRTMIN" || name == "SIGRTMAX";
}

bool isSignal(std::string_view name) {
  constexpr std::string_view kNames[] = {
      "SIGABRT", "SIGALRM", "SIGBUS",  "SIGCHLD", "SIGCLD",  "SIGCONT",   "SIGFPE",   "SIGHUP",  "SIGILL",
      "SIGINT",  "SIGIO",   "SIGIOT",  "SIGKILL", "SIGPIPE", "SIGPOLL",   "SIGPROF",  "SIGPWR",  "SIGQUIT",
      "SIGSEGV", "SIGSTOP", "SIGSYS",  "SIGTERM", "SIGTRAP", "SIGSTKFLT", "SIGTSTP",  "SIGTTIN", "SIGTTOU",
      "SIGURG",  "SIGUSR1", "SIGUSR2", "SIGXCPU", "SIGXFSZ", "SIGWINCH",  "SIGVTALRM"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames) || isRealTimeSignal(name);
}

void checkStopSignal(const PodContext& context, const std::string& signal, const Field& field, FieldErrors& errors) {
  if (context.spec.os().name().empty())
    errors.forbidden(field, "may not be set for containers with empty `spec.os.name`");
  else if (!isSignal(signal))
    errors.invalid(field, signal, "must be the name of a signal (e.g. 'SIGTERM' or 'SIGRTMIN+3')");
}

}  // namespace

void checkLifecycle(const PodContext& context, const core::Lifecycle& lifecycle, const Field& field,
                    FieldErrors& errors) {
  if (lifecycle.has_poststart())
    checkHandler(context, handlerOf(lifecycle.poststart()), field.child("postStart"), errors);
  if (lifecycle.has_prestop()) checkHandler(context, handlerOf(lifecycle.prestop()), field.child("preStop"), errors);
  if (lifecycle.has_stopsignal()) checkStopSignal(context, lifecycle.stopsignal(), field.child("stopSignal"), errors);
}

void checkProbes(const PodContext& context, const core::Container& container, const Field& field, FieldErrors& errors) {
  if (container.has_livenessprobe())
    checkProbe(context, container.livenessprobe(), ProbeKind::kLiveness, field.child("livenessProbe"), errors);
  if (container.has_readinessprobe())
    checkProbe(context, container.readinessprobe(), ProbeKind::kReadiness, field.child("readinessProbe"), errors);
  if (container.has_startupprobe())
    checkProbe(context, container.startupprobe(), ProbeKind::kStartup, field.child("startupProbe"), errors);
}

}  // namespace cubelet::api::validation

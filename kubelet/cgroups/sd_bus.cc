#include "kubelet/cgroups/sd_bus.h"

#include <chrono>
#include <cstring>
#include <map>
#include <memory>
#include <system_error>

#include "base/sdbus/library.h"

namespace cubelet::cgroups {
namespace {

constexpr char kService[] = "org.freedesktop.systemd1";
constexpr char kObject[] = "/org/freedesktop/systemd1";
constexpr char kManager[] = "org.freedesktop.systemd1.Manager";
constexpr char kPrivateSocket[] = "unix:path=/run/systemd/private";
constexpr std::chrono::seconds kJobTimeout{25};

using sdbus::Library;

std::unexpected<Error> failure(int negativeErrno, const std::string& doing) {
  return fail(errnoError(-negativeErrno, doing));
}

// One connection and the jobs that have ended while it is open.
class Connection {
 public:
  static Result<std::unique_ptr<Connection>> open() {
    Result<const Library*> lib = sdbus::loadLibrary();
    if (!lib) return fail(lib.error());
    auto connection = std::unique_ptr<Connection>(new Connection(**lib));
    if (connection->connect() < 0)
      return fail(Code::kUnavailable, "",
                  "cannot reach systemd over D-Bus: is it this machine's init? If not, set cgroupDriver: cgroupfs here "
                  "and in the container runtime");
    return connection;
  }
  ~Connection() { lib_.flush_close_unref(bus_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  sd_bus_message* newCall(const char* method) {
    sd_bus_message* message = nullptr;
    lib_.message_new_method_call(bus_, &message, kService, kObject, kManager, method);
    return message;
  }

  int appendProperties(sd_bus_message* message, const std::vector<UnitProperty>& properties) {
    int rc = lib_.message_open_container(message, 'a', "(sv)");
    for (const UnitProperty& property : properties) {
      if (rc < 0) return rc;
      rc = append(message, property);
    }
    return rc < 0 ? rc : lib_.message_close_container(message);
  }

  // Takes `message`.
  Result<void> call(sd_bus_message* message, const std::string& doing, std::string* job = nullptr) {
    sd_bus_error error = SD_BUS_ERROR_NULL;
    sd_bus_message* reply = nullptr;
    const int rc = lib_.call(bus_, message, 0, &error, &reply);
    lib_.message_unref(message);
    if (rc < 0) {
      Error out = errnoError(-rc, doing);
      const std::string name = error.name != nullptr ? error.name : "";
      if (error.message != nullptr) out.message = doing + ": " + error.message;
      if (name == "org.freedesktop.systemd1.NoSuchUnit") out.code = Code::kNotFound;
      if (name == "org.freedesktop.systemd1.UnitExists") out.code = Code::kAlreadyExists;
      lib_.error_free(&error);
      return fail(std::move(out));
    }
    if (job != nullptr) {
      const char* path = nullptr;
      if (lib_.message_read(reply, "o", &path) >= 0 && path != nullptr) *job = path;
    }
    lib_.message_unref(reply);
    return {};
  }

  // systemd tells of ended jobs only those that have asked.
  Result<void> listenForJobs() {
    const int rc = lib_.match_signal(bus_, nullptr, nullptr, kObject, kManager, "JobRemoved", &jobRemoved, this);
    if (rc < 0) return failure(rc, "listen to systemd");
    return call(newCall("Subscribe"), "listen to systemd");
  }

  Result<void> waitForJob(const std::string& job, const std::string& doing) {
    const auto deadline = std::chrono::steady_clock::now() + kJobTimeout;
    for (;;) {
      if (auto ended = ended_.find(job); ended != ended_.end()) {
        if (ended->second == "done") return {};
        return fail(Code::kInternal, "", doing + ": the job ended with \"" + ended->second + "\"");
      }
      const auto left =
          std::chrono::duration_cast<std::chrono::microseconds>(deadline - std::chrono::steady_clock::now());
      if (left.count() <= 0) return fail(Code::kTimedOut, "", doing + ": systemd has not done it in time");
      int rc = lib_.process(bus_, nullptr);
      if (rc == 0) rc = lib_.wait(bus_, static_cast<std::uint64_t>(left.count()));
      if (rc < 0) return failure(rc, doing);
    }
  }

  const Library& lib() const { return lib_; }

 private:
  explicit Connection(const Library& lib) : lib_(lib) {}

  // The message bus, or systemd's own socket where there is none.
  int connect() {
    int rc = lib_.open_system(&bus_);
    if (rc >= 0) return rc;
    bus_ = nullptr;
    rc = lib_.create(&bus_);
    if (rc >= 0) rc = lib_.set_address(bus_, kPrivateSocket);
    if (rc >= 0) rc = lib_.start(bus_);
    return rc;
  }

  int append(sd_bus_message* message, const UnitProperty& property) {
    const char* name = property.name.c_str();
    if (const bool* flag = std::get_if<bool>(&property.value))
      return lib_.message_append(message, "(sv)", name, "b", static_cast<int>(*flag));
    if (const std::uint64_t* number = std::get_if<std::uint64_t>(&property.value))
      return lib_.message_append(message, "(sv)", name, "t", *number);
    if (const std::string* text = std::get_if<std::string>(&property.value))
      return lib_.message_append(message, "(sv)", name, "s", text->c_str());
    std::vector<char*> list;
    for (const std::string& item : std::get<std::vector<std::string>>(property.value))
      list.push_back(const_cast<char*>(item.c_str()));
    list.push_back(nullptr);
    int rc = lib_.message_open_container(message, 'r', "sv");
    if (rc >= 0) rc = lib_.message_append(message, "s", name);
    if (rc >= 0) rc = lib_.message_open_container(message, 'v', "as");
    if (rc >= 0) rc = lib_.message_append_strv(message, list.data());
    if (rc >= 0) rc = lib_.message_close_container(message);
    return rc < 0 ? rc : lib_.message_close_container(message);
  }

  static int jobRemoved(sd_bus_message* message, void* self, sd_bus_error*) {
    auto* connection = static_cast<Connection*>(self);
    std::uint32_t id = 0;
    const char* job = nullptr;
    const char* unit = nullptr;
    const char* result = nullptr;
    if (connection->lib_.message_read(message, "uoss", &id, &job, &unit, &result) >= 0)
      connection->ended_[job] = result;
    return 0;
  }

  const Library& lib_;
  sd_bus* bus_ = nullptr;
  std::map<std::string, std::string> ended_;  // job -> result
};

Result<void> runJob(Connection& connection, sd_bus_message* message, const std::string& doing) {
  if (Result<void> listening = connection.listenForJobs(); !listening) {
    connection.lib().message_unref(message);
    return listening;
  }
  std::string job;
  if (Result<void> called = connection.call(message, doing, &job); !called) return called;
  return connection.waitForJob(job, doing);
}

}  // namespace

Result<void> SdBus::startSlice(const std::string& slice, const std::vector<UnitProperty>& properties) {
  Result<std::unique_ptr<Connection>> opened = Connection::open();
  if (!opened) return fail(opened.error());
  Connection& connection = **opened;
  sd_bus_message* message = connection.newCall("StartTransientUnit");
  int rc = connection.lib().message_append(message, "ss", slice.c_str(), "replace");
  if (rc >= 0) rc = connection.appendProperties(message, properties);
  if (rc >= 0) rc = connection.lib().message_append(message, "a(sa(sv))", 0);
  if (rc < 0) {
    connection.lib().message_unref(message);
    return failure(rc, "start");
  }
  Result<void> started = runJob(connection, message, "start");
  if (!started && started.error().code == Code::kAlreadyExists) return {};
  return started;
}

Result<void> SdBus::setProperties(const std::string& unit, const std::vector<UnitProperty>& properties) {
  Result<std::unique_ptr<Connection>> opened = Connection::open();
  if (!opened) return fail(opened.error());
  Connection& connection = **opened;
  sd_bus_message* message = connection.newCall("SetUnitProperties");
  constexpr int kRuntimeOnly = 1;
  int rc = connection.lib().message_append(message, "sb", unit.c_str(), kRuntimeOnly);
  if (rc >= 0) rc = connection.appendProperties(message, properties);
  if (rc < 0) {
    connection.lib().message_unref(message);
    return failure(rc, "set properties");
  }
  return connection.call(message, "set properties");
}

Result<void> SdBus::stopUnit(const std::string& unit) {
  Result<std::unique_ptr<Connection>> opened = Connection::open();
  if (!opened) return fail(opened.error());
  Connection& connection = **opened;
  sd_bus_message* message = connection.newCall("StopUnit");
  const int rc = connection.lib().message_append(message, "ss", unit.c_str(), "replace");
  if (rc < 0) {
    connection.lib().message_unref(message);
    return failure(rc, "stop");
  }
  return runJob(connection, message, "stop");
}

}  // namespace cubelet::cgroups

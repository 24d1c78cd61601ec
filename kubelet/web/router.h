// Router: which handler answers a request. A room that has something to tell adds its routes here.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "kubelet/web/message.h"

namespace cubelet::web {

// Called on the loop. Cancelled when the server closes.
using Handler = std::function<Task<Reply>(RequestPtr)>;

struct Route {
  std::vector<std::string> methods;  // {"GET"}; HEAD is not implied
  // "/containerLogs/{namespace}/{pod}/{container}": a name in braces stands for one segment; "{path...}" at the end for
  // all that follows, nothing included. A slash at the end of a path does not count.
  std::string pattern;
  Handler handler;
  // Served on the read-only port, too, and when enableDebuggingHandlers is false (SRV-2, SRV-3).
  bool always = false;
};

class Router {
 public:
  // Patterns are tried in the order they were added. Routes are added before the first request.
  void add(Route route) { routes_.push_back(std::move(route)); }

  struct Match {
    const Route* route = nullptr;  // null: see status
    std::map<std::string, std::string> parameters;
    int status = 200;  // 404: no such path; 405: not with this method
  };
  Match find(std::string_view method, std::string_view path) const;

  const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

}  // namespace cubelet::web

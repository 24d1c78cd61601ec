#include "cri/client/error_refinement.h"

namespace cubelet::cri {

Error refine(Error error) {
  if (error.code != Code::kInternal) return error;
  // containerd before 2.0; later ones answer UNAVAILABLE.
  if (error.message.find("server is not initialized yet") != std::string::npos) error.code = Code::kUnavailable;
  // containerd: name "web_default_..._0" is reserved for "3f2a..."
  if (error.message.find("failed to reserve") != std::string::npos &&
      error.message.find("is reserved for") != std::string::npos)
    error.code = Code::kAlreadyExists;
  return error;
}

}  // namespace cubelet::cri

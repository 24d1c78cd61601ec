#include "integration/harness/program_image.h"

#include <sstream>
#include <stdexcept>
#include <vector>

#include "integration/harness/built.h"

namespace cubelet::integration {
namespace fs = std::filesystem;
namespace {

Finished must(Finished finished, const std::string& doing) {
  if (!finished.ok()) throw std::runtime_error(doing + " failed:\n" + finished.output + finished.errors);
  return finished;
}

// Of a line of ldd's answer ("libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x7f...)", "/lib64/ld-linux-x86-64.so.2
// (0x7f...)") the path; the loader finds a library at the path where it is here.
std::vector<std::string> librariesOf(const fs::path& program) {
  Finished answer = run({"ldd", program.string()});
  std::vector<std::string> found;
  // A static program is an error to it.
  if (!answer.ok()) return found;
  std::istringstream lines(answer.output);
  for (std::string line; std::getline(lines, line);) {
    std::size_t from = line.find('/');
    if (from != std::string::npos) found.push_back(line.substr(from, line.find(' ', from) - from));
  }
  return found;
}

}  // namespace

void importProgramImage(const Containerd& containerd, const std::string& name, const fs::path& program,
                        const fs::path& work) {
  if (!must(containerd.ctr({"images", "list", "--quiet", "name==" + name}), "list images").output.empty()) return;
  const fs::path archive = work / (program.filename().string() + ".tar");
  const std::string inside = "/usr/local/bin/" + program.filename().string();
  std::vector<std::string> words = {"env",
                                    "TMPDIR=" + work.string(),
                                    built::script("make-image"),
                                    "--bare",
                                    "--file",
                                    program.string() + ":" + inside,
                                    "--entrypoint",
                                    inside};
  for (const std::string& library : librariesOf(program))
    words.insert(words.end(), {"--file", std::string(library).append(":").append(library)});
  words.insert(words.end(), {name, archive.string()});
  must(run(words, std::chrono::minutes(2)), "make image " + name);
  must(containerd.ctr({"images", "import", archive.string()}), "import image " + name);
  fs::remove(archive);
}

}  // namespace cubelet::integration

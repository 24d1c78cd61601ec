// The image half of FakeRuntime.
#include <algorithm>
#include <cstdio>
#include <functional>

#include "cri/fake/fake_runtime.h"

namespace cubelet::cri {
namespace {

// "web" -> "docker.io/library/web:latest", as containerd completes names.
std::string fullName(const std::string& name) {
  if (name.starts_with("sha256:")) return name;
  std::string full = name;
  auto slash = full.find('/');
  if (slash == std::string::npos)
    full = "docker.io/library/" + full;
  else if (full.find_first_of(".:") > slash && !full.starts_with("localhost/"))
    full = "docker.io/" + full;
  if (full.find('@') == std::string::npos && full.find(':', full.rfind('/')) == std::string::npos) full += ":latest";
  return full;
}

// The same name always gives the same image.
std::string digestOf(const std::string& text) {
  std::string digest = "sha256:";
  for (int part = 0; part < 4; ++part) {
    char hex[17];
    std::snprintf(hex, sizeof hex, "%016zx", std::hash<std::string>()(text + std::to_string(part)));
    digest += hex;
  }
  return digest;
}

std::string repositoryOf(const std::string& full) {
  auto at = full.find('@');
  if (at != std::string::npos) return full.substr(0, at);
  return full.substr(0, full.find(':', full.rfind('/')));
}

}  // namespace

FakeImage* FakeRuntime::findImage(const std::string& name) {
  std::string full = fullName(name);
  for (FakeImage& image : images_)
    if (image.id == name || image.tag == full || image.digest == full) return &image;
  return nullptr;
}

FakeImage& FakeRuntime::addImage(const std::string& name) {
  if (FakeImage* known = findImage(name)) return *known;
  std::string full = fullName(name);
  FakeImage image;
  image.id = digestOf("config of " + full);
  if (full.find('@') == std::string::npos) {
    image.tag = full;
    image.digest = repositoryOf(full) + "@" + digestOf(full);
  } else {
    image.digest = full;
  }
  images_.push_back(std::move(image));
  return images_.back();
}

void FakeRuntime::makeUnpullable(const std::string& name, Error error) {
  unpullable_.insert_or_assign(fullName(name), std::move(error));
}

v1::Image FakeRuntime::toCri(const FakeImage& image) {
  v1::Image cri;
  cri.set_id(image.id);
  if (!image.tag.empty()) cri.add_repo_tags(image.tag);
  cri.add_repo_digests(image.digest);
  cri.set_size(image.size);
  if (image.uid) cri.mutable_uid()->set_value(*image.uid);
  cri.set_username(image.username);
  cri.set_pinned(image.pinned);
  return cri;
}

Task<Result<std::vector<v1::Image>>> FakeRuntime::listImages() {
  FakeCalls::Visit visit(calls_, "ListImages");
  auto begun = co_await begin("ListImages", "");
  if (!begun) co_return fail(begun.error());
  std::vector<v1::Image> all;
  for (const FakeImage& image : images_) all.push_back(toCri(image));
  co_return std::move(all);
}

Task<Result<std::optional<v1::Image>>> FakeRuntime::imageStatus(std::string image) {
  FakeCalls::Visit visit(calls_, "ImageStatus");
  auto begun = co_await begin("ImageStatus", image);
  if (!begun) co_return fail(begun.error());
  std::optional<v1::Image> found;
  if (FakeImage* known = findImage(image)) found = toCri(*known);
  co_return std::move(found);
}

Task<Result<std::string>> FakeRuntime::pullImage(std::string image, v1::AuthConfig auth, v1::PodSandboxConfig) {
  FakeCalls::Visit visit(calls_, "PullImage");
  auto begun = co_await begin("PullImage", image);
  if (!begun) co_return fail(begun.error());
  lastAuth_ = std::move(auth);
  auto refused = unpullable_.find(fullName(image));
  if (refused != unpullable_.end()) co_return fail(refused->second);
  std::string id = addImage(image).id;
  if (*begun) co_return fail(**begun);
  co_return std::move(id);
}

Task<Result<void>> FakeRuntime::removeImage(std::string image) {
  FakeCalls::Visit visit(calls_, "RemoveImage");
  auto begun = co_await begin("RemoveImage", image);
  if (!begun) co_return fail(begun.error());
  if (FakeImage* known = findImage(image)) {
    std::string id = known->id;
    std::erase_if(images_, [&](const FakeImage& other) { return other.id == id; });
  }
  if (*begun) co_return fail(**begun);
  co_return Result<void>();
}

Task<Result<v1::ImageFsInfoResponse>> FakeRuntime::imageFsInfo() {
  FakeCalls::Visit visit(calls_, "ImageFsInfo");
  auto begun = co_await begin("ImageFsInfo", "");
  if (!begun) co_return fail(begun.error());
  std::uint64_t used = 0;
  for (const FakeImage& image : images_) used += image.size;
  v1::ImageFsInfoResponse response;
  v1::FilesystemUsage* usage = response.add_image_filesystems();
  usage->set_timestamp(std::chrono::nanoseconds(clock_.wallNow().time_since_epoch()).count());
  usage->mutable_fs_id()->set_mountpoint(imageFsMount);
  usage->mutable_used_bytes()->set_value(used);
  co_return std::move(response);
}

}  // namespace cubelet::cri

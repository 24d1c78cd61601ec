#include "cri/client/grpc_images.h"

#include "cri/client/ask.h"

namespace cubelet::cri {
namespace {

std::string methodPath(std::string_view method) {
  return std::string("/runtime.v1.ImageService/").append(method);
}

}  // namespace

Task<Result<std::vector<v1::Image>>> GrpcImages::listImages() {
  auto call = ask<v1::ListImagesResponse>(channel_, methodPath("ListImages"), v1::ListImagesRequest(),
                                          options_.runtimeRequestTimeout, std::string(), options_.called);
  auto reply = co_await std::move(call);
  if (!reply) co_return fail(std::move(reply.error()));
  co_return toVector(reply->mutable_images());
}

Task<Result<std::optional<v1::Image>>> GrpcImages::imageStatus(std::string image) {
  v1::ImageStatusRequest request;
  request.mutable_image()->set_image(image);
  auto call = ask<v1::ImageStatusResponse>(channel_, methodPath("ImageStatus"), request, options_.runtimeRequestTimeout,
                                           std::move(image), options_.called);
  auto reply = co_await std::move(call);
  if (!reply) co_return fail(std::move(reply.error()));
  std::optional<v1::Image> found;
  if (reply->has_image()) found.emplace(std::move(*reply->mutable_image()));
  co_return std::move(found);
}

Task<Result<std::string>> GrpcImages::pullImage(std::string image, v1::AuthConfig auth, v1::PodSandboxConfig sandbox) {
  v1::PullImageRequest request;
  request.mutable_image()->set_image(image);
  request.mutable_image()->set_user_specified_image(image);
  if (auth.ByteSizeLong() > 0) *request.mutable_auth() = std::move(auth);
  *request.mutable_sandbox_config() = std::move(sandbox);
  auto call = ask<v1::PullImageResponse>(channel_, methodPath("PullImage"), request, Duration(0), std::move(image),
                                         options_.called);
  auto reply = co_await std::move(call);
  if (!reply) co_return fail(std::move(reply.error()));
  co_return std::move(*reply->mutable_image_ref());
}

Task<Result<void>> GrpcImages::removeImage(std::string image) {
  v1::RemoveImageRequest request;
  request.mutable_image()->set_image(image);
  auto call = ask<v1::RemoveImageResponse>(channel_, methodPath("RemoveImage"), request, options_.runtimeRequestTimeout,
                                           std::move(image), options_.called);
  auto reply = co_await std::move(call);
  if (reply || reply.error().code == Code::kNotFound) co_return Result<void>();
  co_return fail(std::move(reply.error()));
}

Task<Result<v1::ImageFsInfoResponse>> GrpcImages::imageFsInfo() {
  return ask<v1::ImageFsInfoResponse>(channel_, methodPath("ImageFsInfo"), v1::ImageFsInfoRequest(),
                                      options_.runtimeRequestTimeout, std::string(), options_.called);
}

}  // namespace cubelet::cri

# cubelet_grpc: the gRPC C++ runtime without TLS, from Debian's static archives. Everything the agent speaks gRPC with is
# a unix socket, and the unsecure pair saves 3.6 MiB. lld remembers the symbols of every archive, so their order does not
# matter; of the absl archives only the members that gRPC calls are linked.
set(CUBELET_STATIC_DIR /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE})
file(GLOB CUBELET_ABSL_ARCHIVES ${CUBELET_STATIC_DIR}/libabsl_*.a)
if(NOT CUBELET_ABSL_ARCHIVES)
  message(FATAL_ERROR "no static absl archives in ${CUBELET_STATIC_DIR}: install libabsl-dev")
endif()

add_library(cubelet_grpc INTERFACE)
target_link_libraries(cubelet_grpc INTERFACE
  ${CUBELET_STATIC_DIR}/libgrpc++_unsecure.a
  ${CUBELET_STATIC_DIR}/libgrpc_unsecure.a
  ${CUBELET_STATIC_DIR}/libgpr.a
  ${CUBELET_STATIC_DIR}/libaddress_sorting.a
  ${CUBELET_STATIC_DIR}/libupb.a
  ${CUBELET_STATIC_DIR}/libcares.a
  ${CUBELET_STATIC_DIR}/libre2.a
  ${CUBELET_ABSL_ARCHIVES}
  cubelet_protobuf
  Threads::Threads)

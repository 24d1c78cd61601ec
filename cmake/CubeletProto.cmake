# cubelet_proto(NAME [GRPC] PROTOS a.proto ...): a level 0 library of generated messages. With GRPC, a second library
# NAME_grpc holds the generated services; only tests' in-process servers link it (clients call by method name).
find_program(PROTOC protoc REQUIRED)
find_program(GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)

# Debian ships static archives of protobuf and gRPC: with --gc-sections the agent carries only what it calls.
add_library(cubelet_protobuf INTERFACE)
target_link_libraries(cubelet_protobuf INTERFACE /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/libprotobuf.a z Threads::Threads)

function(cubelet_proto name)
  cmake_parse_arguments(arg "GRPC" "" "PROTOS;USES" ${ARGN})
  set(sources)
  set(services)
  foreach(proto IN LISTS arg_PROTOS)
    get_filename_component(absolute ${proto} ABSOLUTE)
    file(RELATIVE_PATH relative ${CMAKE_SOURCE_DIR} ${absolute})
    string(REGEX REPLACE "\\.proto$" "" stem ${CMAKE_BINARY_DIR}/${relative})
    set(outputs ${stem}.pb.cc ${stem}.pb.h)
    set(flags --cpp_out=${CMAKE_BINARY_DIR})
    if(arg_GRPC)
      list(APPEND outputs ${stem}.grpc.pb.cc ${stem}.grpc.pb.h)
      list(APPEND flags --grpc_out=${CMAKE_BINARY_DIR} --plugin=protoc-gen-grpc=${GRPC_CPP_PLUGIN})
      list(APPEND services ${stem}.grpc.pb.cc)
    endif()
    add_custom_command(OUTPUT ${outputs}
      COMMAND ${PROTOC} -I ${CMAKE_SOURCE_DIR} ${flags} ${absolute}
      DEPENDS ${absolute} COMMENT "protoc ${relative}" VERBATIM)
    list(APPEND sources ${stem}.pb.cc)
  endforeach()
  set_property(GLOBAL PROPERTY CUBELET_LEVEL_${name} 0)
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} SYSTEM PUBLIC ${CMAKE_BINARY_DIR})
  # Generated code is large and rarely hot: size first.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-Os> -w)
  target_link_libraries(${name} PUBLIC ${arg_USES} cubelet_protobuf)
  if(arg_GRPC)
    add_library(${name}_grpc STATIC EXCLUDE_FROM_ALL ${services})
    target_compile_options(${name}_grpc PRIVATE -w)
    target_include_directories(${name}_grpc SYSTEM PUBLIC ${CMAKE_BINARY_DIR})
    target_link_libraries(${name}_grpc PUBLIC ${name})
    add_dependencies(${name}_grpc ${name})
  endif()
endfunction()

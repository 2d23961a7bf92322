# Third parties as targets causeway::<name>. What tools/deps installs is looked up by header and library name, so that
# Debian 12 and 13 take the same path; all that is missing is listed at once.

set(CAUSEWAY_CACHE $ENV{CAUSEWAY_CACHE})
if(NOT CAUSEWAY_CACHE)
  if(DEFINED ENV{XDG_CACHE_HOME} AND NOT "$ENV{XDG_CACHE_HOME}" STREQUAL "")
    set(CAUSEWAY_CACHE $ENV{XDG_CACHE_HOME}/causeway)
  else()
    set(CAUSEWAY_CACHE $ENV{HOME}/.cache/causeway)
  endif()
endif()

set(causeway_missing)

# causeway_system_library(uv HEADER uv.h LIBRARIES uv [DEFINITIONS ...] [DEPS ...]); no LIBRARIES: headers only.
function(causeway_system_library name)
  cmake_parse_arguments(PARSE_ARGV 1 A "" "HEADER" "LIBRARIES;DEFINITIONS;DEPS")
  find_path(causeway_${name}_include ${A_HEADER})
  mark_as_advanced(causeway_${name}_include)
  set(found ${causeway_${name}_include})
  set(files)
  foreach(library IN LISTS A_LIBRARIES)
    find_library(causeway_${name}_${library} ${library})
    mark_as_advanced(causeway_${name}_${library})
    if(NOT causeway_${name}_${library})
      set(found FALSE)
    endif()
    list(APPEND files ${causeway_${name}_${library}})
  endforeach()
  if(NOT found)
    # Asked again next time, after an installation.
    unset(causeway_${name}_include CACHE)
    foreach(library IN LISTS A_LIBRARIES)
      unset(causeway_${name}_${library} CACHE)
    endforeach()
    set(causeway_missing ${causeway_missing} ${name} PARENT_SCOPE)
    return()
  endif()
  add_library(causeway_${name} INTERFACE)
  if(NOT causeway_${name}_include STREQUAL "/usr/include")
    target_include_directories(causeway_${name} SYSTEM INTERFACE ${causeway_${name}_include})
  endif()
  target_link_libraries(causeway_${name} INTERFACE ${files} ${A_DEPS})
  target_compile_definitions(causeway_${name} INTERFACE ${A_DEFINITIONS})
  add_library(causeway::${name} ALIAS causeway_${name})
endfunction()

causeway_system_library(uv HEADER uv.h LIBRARIES uv)
causeway_system_library(nghttp2 HEADER nghttp2/nghttp2.h LIBRARIES nghttp2)
causeway_system_library(nats_c HEADER nats/nats.h LIBRARIES nats)
causeway_system_library(hiredis HEADER hiredis/hiredis.h LIBRARIES hiredis)
causeway_system_library(protobuf HEADER google/protobuf/message.h LIBRARIES protobuf-lite DEPS Threads::Threads)
causeway_system_library(yaml HEADER yaml-cpp/yaml.h LIBRARIES yaml-cpp)
causeway_system_library(spdlog HEADER spdlog/spdlog.h LIBRARIES spdlog fmt
  DEFINITIONS SPDLOG_SHARED_LIB SPDLOG_COMPILED_LIB SPDLOG_FMT_EXTERNAL)
causeway_system_library(rapidjson HEADER rapidjson/document.h)
causeway_system_library(cli11 HEADER CLI/CLI.hpp)
causeway_system_library(curl HEADER curl/curl.h LIBRARIES curl)
causeway_system_library(archive HEADER archive.h LIBRARIES archive)
causeway_system_library(gtest HEADER gmock/gmock.h LIBRARIES gmock gtest DEPS Threads::Threads)
causeway_system_library(grpcpp HEADER grpcpp/grpcpp.h LIBRARIES grpc++ grpc gpr absl_synchronization protobuf
  DEPS Threads::Threads)  # tests only
causeway_system_library(benchmark_main HEADER benchmark/benchmark.h LIBRARIES benchmark_main benchmark
  DEPS Threads::Threads)

find_program(CAUSEWAY_PROTOC protoc)
mark_as_advanced(CAUSEWAY_PROTOC)
if(NOT CAUSEWAY_PROTOC)
  list(APPEND causeway_missing protoc)
endif()

find_program(CAUSEWAY_GRPC_PLUGIN grpc_cpp_plugin)
mark_as_advanced(CAUSEWAY_GRPC_PLUGIN)
if(NOT CAUSEWAY_GRPC_PLUGIN)
  list(APPEND causeway_missing grpc_cpp_plugin)
endif()

# llhttp: a library of Debian 13; for Debian 12 tools/deps puts the C sources of node-llhttp into the cache.
set(llhttp_root ${CAUSEWAY_CACHE}/llhttp)
if(EXISTS ${llhttp_root}/llhttp.h)
  add_library(causeway_llhttp STATIC ${llhttp_root}/llhttp.c ${llhttp_root}/api.c ${llhttp_root}/http.c)
  target_include_directories(causeway_llhttp SYSTEM PUBLIC ${llhttp_root})
  target_compile_options(causeway_llhttp PRIVATE -w)
  target_compile_definitions(causeway_llhttp PUBLIC LLHTTP_STRICT_MODE=1)  # version 8; later ones always are
  set_target_properties(causeway_llhttp PROPERTIES UNITY_BUILD OFF)  # its files repeat static names
  add_library(causeway::llhttp ALIAS causeway_llhttp)
else()
  causeway_system_library(llhttp HEADER llhttp.h LIBRARIES llhttp)
endif()

include(boringssl)

if(causeway_missing)
  list(JOIN causeway_missing ", " causeway_missing)
  message(FATAL_ERROR "causeway: missing: ${causeway_missing}. Run tools/deps (as root), then configure again.")
endif()

# The functions every folder's CMakeLists.txt is written with.
#
#   causeway_library(NAME net SOURCES a.cc b.cc DEPS base log PRIVATE_DEPS uv [NOEXCEPT])
#       static library causeway_net, alias causeway::net; without SOURCES an interface library.
#   causeway_binary(NAME router SOURCES main.cc DEPS ... [NOEXCEPT] [UNITY])      bin/router
#       UNITY: its sources are compiled as one, for many small ones below the same heavy header (CLI11).
#   causeway_test(NAME net_test SOURCES a_test.cc ... DEPS net [THREADED] [SYSTEM] [EXCLUSIVE] [LOCK name]
#                 [WHOLE] [TIMEOUT seconds] [COST seconds])
#       one GoogleTest binary, test/net_test, and one ctest entry for each of its cases (WHOLE: one for all of them,
#       for fixtures that are dear to set up). Labels: UNIT or SYSTEM, and THREADED.
#       A test may run beside another one. EXCLUSIVE: alone, as it loads the whole machine or measures what others would
#       change. LOCK: never beside one of the same lock (containers: what starts some). COST: how long the longest case
#       takes, where that is long: such begin first, so that none is left alone at the end.
#   causeway_script_test(NAME check_layers COMMAND tools/check_layers [SYSTEM] [EXCLUSIVE] [LOCK name] [TIMEOUT seconds]
#                 [COST seconds])
#   causeway_fuzzer(NAME h1_parser_fuzz SOURCES h1_parser_fuzz.cc DEPS http CORPUS test/fuzz/h1_parser)
#       libFuzzer binary in the lane fuzz; elsewhere a test that replays the corpus.
#   causeway_bench(NAME route_bench SOURCES route_bench.cc DEPS ...)              bench/route_bench, Google Benchmark
#   causeway_protobuf(NAME bbs_proto PROTOS bbs.proto ...)
#       causeway::bbs_proto from .proto files of this folder; include "bbs.pb.h".
#
# A dependency without :: means causeway::<name>, be it ours or a third party's (cmake/third_party.cmake).
# Lanes (CAUSEWAY_LANE): dev and release build all of it; asan builds unit tests, tsan THREADED ones, fuzz fuzzers
# (targets causeway_tests, causeway_fuzzers: only what they need is compiled).
# Tests run in the repository's root with CAUSEWAY_SOURCE_DIR and CAUSEWAY_BIN_DIR in their environment; their own
# binary lies in <build>/test, beside <build>/bin.

include(GoogleTest)

add_custom_target(causeway_tests)      # all test binaries of this lane
add_custom_target(causeway_fuzzers)    # all libFuzzer binaries
add_custom_target(causeway_generated)  # all generated sources, for tools that read without building

if(CAUSEWAY_LANE MATCHES "^(dev|release)$")
  set(CAUSEWAY_WHOLE_TREE TRUE)
else()
  set(CAUSEWAY_WHOLE_TREE FALSE)
endif()

set(CAUSEWAY_TEST_DEFAULTS
    CAUSEWAY_SOURCE_DIR="${CMAKE_SOURCE_DIR}" CAUSEWAY_BIN_DIR="${CMAKE_BINARY_DIR}/bin")
set(CAUSEWAY_TEST_ENVIRONMENT
    "CAUSEWAY_SOURCE_DIR=${CMAKE_SOURCE_DIR}" "CAUSEWAY_BIN_DIR=${CMAKE_BINARY_DIR}/bin")

function(causeway_resolve out)
  set(resolved)
  foreach(dep IN LISTS ARGN)
    if(dep MATCHES "::|^-|^/|^\\$")
      list(APPEND resolved ${dep})
    else()
      list(APPEND resolved causeway::${dep})
    endif()
  endforeach()
  set(${out} ${resolved} PARENT_SCOPE)
endfunction()

# What all our own targets share: include roots, warnings.
function(causeway_own target noexcept)
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/lib)
  target_link_libraries(${target} PRIVATE causeway_warnings Threads::Threads)
  if(noexcept)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions>)
  endif()
endfunction()

function(causeway_library)
  cmake_parse_arguments(PARSE_ARGV 0 A "NOEXCEPT" "NAME" "SOURCES;DEPS;PRIVATE_DEPS")
  causeway_reject_unparsed("${A_UNPARSED_ARGUMENTS}")
  causeway_resolve(deps ${A_DEPS})
  causeway_resolve(private_deps ${A_PRIVATE_DEPS})
  set(target causeway_${A_NAME})
  if(A_SOURCES)
    add_library(${target} STATIC ${A_SOURCES})
    causeway_own(${target} ${A_NOEXCEPT})
    target_link_libraries(${target} PUBLIC ${deps} PRIVATE ${private_deps})
  else()
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE ${deps} ${private_deps} Threads::Threads)
  endif()
  add_library(causeway::${A_NAME} ALIAS ${target})
endfunction()

function(causeway_binary)
  cmake_parse_arguments(PARSE_ARGV 0 A "NOEXCEPT;UNITY" "NAME" "SOURCES;DEPS")
  causeway_reject_unparsed("${A_UNPARSED_ARGUMENTS}")
  causeway_resolve(deps ${A_DEPS})
  # The target is not named like the program: `test` and `router` must not clash with folders or CMake.
  set(target causeway_bin_${A_NAME})
  add_executable(${target} ${A_SOURCES})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${A_NAME})
  if(A_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
  endif()
  causeway_own(${target} ${A_NOEXCEPT})
  target_link_libraries(${target} PRIVATE ${deps})
  add_custom_target(${A_NAME}_binary DEPENDS ${target})
endfunction()

# `labels` and the other `properties` of a test, from its parsed arguments.
macro(causeway_test_properties)
  set(labels UNIT)
  set(timeout 300)
  if(A_SYSTEM)
    set(labels SYSTEM)
    set(timeout 600)
  endif()
  if(A_THREADED)
    string(APPEND labels "\\;THREADED")
  endif()
  if(A_TIMEOUT)
    set(timeout ${A_TIMEOUT})
  endif()
  set(properties TIMEOUT ${timeout} RUN_SERIAL ${A_EXCLUSIVE})
  if(A_LOCK)
    list(APPEND properties RESOURCE_LOCK ${A_LOCK})
  endif()
  if(A_COST)
    list(APPEND properties COST ${A_COST})
  endif()
endmacro()

function(causeway_test)
  cmake_parse_arguments(PARSE_ARGV 0 A "THREADED;SYSTEM;EXCLUSIVE;WHOLE" "NAME;LOCK;TIMEOUT;COST" "SOURCES;DEPS")
  causeway_reject_unparsed("${A_UNPARSED_ARGUMENTS}")
  if(CAUSEWAY_LANE STREQUAL "tsan" AND NOT A_THREADED)
    return()
  endif()
  if(A_SYSTEM AND NOT CAUSEWAY_WHOLE_TREE)
    return()
  endif()
  if(CAUSEWAY_LANE STREQUAL "fuzz")
    return()
  endif()
  causeway_resolve(deps ${A_DEPS})
  add_executable(${A_NAME} ${A_SOURCES})
  set_target_properties(${A_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test)
  causeway_own(${A_NAME} OFF)
  target_link_libraries(${A_NAME} PRIVATE ${deps} causeway_test_main)
  add_dependencies(causeway_tests ${A_NAME})
  if(NOT CAUSEWAY_LANE STREQUAL "release")
    # Optimising GoogleTest's macros costs a quarter of the time (half of it with clang's sanitizers) for nothing.
    target_compile_options(${A_NAME} PRIVATE -O0)
  elseif(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # gcc 12 at -O3 takes members of optional strings that are never read for uninitialised ones.
    target_compile_options(${A_NAME} PRIVATE -Wno-maybe-uninitialized)
  endif()

  causeway_test_properties()
  if(A_WHOLE)
    string(REPLACE "\\;" ";" labels "${labels}")
    add_test(NAME ${A_NAME} COMMAND ${A_NAME} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${A_NAME} PROPERTIES
      ${properties} LABELS "${labels}" ENVIRONMENT "${CAUSEWAY_TEST_ENVIRONMENT}")
  else()
    gtest_discover_tests(${A_NAME}
      TEST_PREFIX "${A_NAME}." DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 300 WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
      PROPERTIES ${properties} LABELS "${labels}")
  endif()
endfunction()

function(causeway_script_test)
  cmake_parse_arguments(PARSE_ARGV 0 A "SYSTEM;EXCLUSIVE" "NAME;LOCK;TIMEOUT;COST" "COMMAND")
  causeway_reject_unparsed("${A_UNPARSED_ARGUMENTS}")
  if(NOT CAUSEWAY_WHOLE_TREE)
    return()
  endif()
  causeway_test_properties()
  add_test(NAME ${A_NAME} COMMAND ${A_COMMAND} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${A_NAME} PROPERTIES
    ${properties} LABELS "${labels}" ENVIRONMENT "${CAUSEWAY_TEST_ENVIRONMENT}")
endfunction()

function(causeway_fuzzer)
  cmake_parse_arguments(PARSE_ARGV 0 A "" "NAME;CORPUS" "SOURCES;DEPS")
  causeway_reject_unparsed("${A_UNPARSED_ARGUMENTS}")
  if(CAUSEWAY_LANE STREQUAL "tsan")
    return()
  endif()
  causeway_resolve(deps ${A_DEPS})
  add_executable(${A_NAME} ${A_SOURCES})
  causeway_own(${A_NAME} OFF)
  target_link_libraries(${A_NAME} PRIVATE ${deps})
  if(CAUSEWAY_LANE STREQUAL "fuzz")
    set_target_properties(${A_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
    target_link_options(${A_NAME} PRIVATE -fsanitize=fuzzer)
    add_dependencies(causeway_fuzzers ${A_NAME})
  else()
    set_target_properties(${A_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test)
    target_link_libraries(${A_NAME} PRIVATE causeway_replay_main)
    add_dependencies(causeway_tests ${A_NAME})
    add_test(NAME ${A_NAME} COMMAND ${A_NAME} ${CMAKE_SOURCE_DIR}/${A_CORPUS} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${A_NAME} PROPERTIES LABELS UNIT TIMEOUT 600)
  endif()
endfunction()

function(causeway_bench)
  cmake_parse_arguments(PARSE_ARGV 0 A "" "NAME" "SOURCES;DEPS")
  causeway_reject_unparsed("${A_UNPARSED_ARGUMENTS}")
  if(NOT CAUSEWAY_WHOLE_TREE)
    return()
  endif()
  causeway_resolve(deps ${A_DEPS})
  add_executable(${A_NAME} ${A_SOURCES})
  set_target_properties(${A_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
  causeway_own(${A_NAME} OFF)
  target_link_libraries(${A_NAME} PRIVATE ${deps} causeway::benchmark_main)
  # "Still works", not a measurement: not with a million of anything, either.
  add_test(NAME ${A_NAME} COMMAND ${A_NAME} --benchmark_min_time=0.001 "--benchmark_filter=-/1000000$"
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${A_NAME} PROPERTIES LABELS UNIT TIMEOUT 600)
endfunction()

function(causeway_protobuf)
  cmake_parse_arguments(PARSE_ARGV 0 A "" "NAME" "PROTOS")
  causeway_reject_unparsed("${A_UNPARSED_ARGUMENTS}")
  set(generated)
  foreach(proto IN LISTS A_PROTOS)
    string(REGEX REPLACE "\\.proto$" "" stem ${proto})
    set(outputs ${CMAKE_CURRENT_BINARY_DIR}/${stem}.pb.cc ${CMAKE_CURRENT_BINARY_DIR}/${stem}.pb.h)
    add_custom_command(
      OUTPUT ${outputs}
      COMMAND ${CAUSEWAY_PROTOC} -I ${CMAKE_CURRENT_SOURCE_DIR} --cpp_out=${CMAKE_CURRENT_BINARY_DIR} ${proto}
      DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${proto}
      COMMENT "protoc ${proto}" VERBATIM)
    list(APPEND generated ${outputs})
  endforeach()
  add_custom_target(causeway_${A_NAME}_generated DEPENDS ${generated})
  add_dependencies(causeway_generated causeway_${A_NAME}_generated)
  set(target causeway_${A_NAME})
  add_library(${target} STATIC ${generated})
  target_compile_options(${target} PRIVATE -w)
  if(CAUSEWAY_LANE MATCHES "^(asan|fuzz)$")
    target_compile_options(${target} PRIVATE -fno-sanitize=undefined)  # half of the time for code that is not ours
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD OFF)
  target_include_directories(${target} SYSTEM PUBLIC ${CMAKE_CURRENT_BINARY_DIR})
  target_link_libraries(${target} PUBLIC causeway::protobuf)
  add_library(causeway::${A_NAME} ALIAS ${target})
endfunction()

function(causeway_reject_unparsed unparsed)
  if(unparsed)
    message(FATAL_ERROR "causeway: not understood: ${unparsed}")
  endif()
endfunction()

# Adds each folder below the current one that has a CMakeLists.txt. The body of the part folders' own.
function(causeway_add_children)
  file(GLOB lists CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} */CMakeLists.txt)
  list(SORT lists)
  foreach(list_file IN LISTS lists)
    get_filename_component(folder ${list_file} DIRECTORY)
    add_subdirectory(${folder})
  endforeach()
endfunction()

# main() of all tests, and of the corpus replay.
add_library(causeway_test_main STATIC ${CMAKE_SOURCE_DIR}/test/support/test_main.cc)
causeway_own(causeway_test_main OFF)
target_link_libraries(causeway_test_main PUBLIC causeway::gtest)
# Its defaults: a list of variables does not survive the discovery of tests, and a test run by hand has none.
target_compile_definitions(causeway_test_main PRIVATE ${CAUSEWAY_TEST_DEFAULTS})
add_library(causeway_replay_main STATIC ${CMAKE_SOURCE_DIR}/test/support/replay_main.cc)
causeway_own(causeway_replay_main OFF)

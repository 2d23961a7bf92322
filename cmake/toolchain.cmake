# Compiler cache, linker and the warnings of our own code. Optimisation and sanitizers are the presets'.

if(NOT CMAKE_BUILD_TYPE)
  message(FATAL_ERROR "causeway: configure with a preset: cmake --preset dev")
endif()

# Build folders of one checkout share compiled objects: sources are named by absolute paths, and the working directory
# is not hashed.
find_program(CAUSEWAY_CCACHE ccache)
mark_as_advanced(CAUSEWAY_CCACHE)
if(CAUSEWAY_CCACHE)
  foreach(language C CXX)
    set(CMAKE_${language}_COMPILER_LAUNCHER
        env CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=time_macros,pch_defines
        ${CAUSEWAY_CCACHE})
  endforeach()
endif()

find_program(CAUSEWAY_LLD ld.lld)
mark_as_advanced(CAUSEWAY_LLD)
if(CAUSEWAY_LLD AND NOT (CAUSEWAY_LTO AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU"))
  add_link_options(-fuse-ld=lld)
endif()
set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ${CAUSEWAY_LTO})

# Shared objects bind at start: a missing symbol is a failed start, not a failed request.
add_link_options(LINKER:-z,relro,-z,now LINKER:--as-needed)

# __FILE__ names files relative to the repository.
add_compile_options(-fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=)

if(CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND CAUSEWAY_LANE MATCHES "^(asan|fuzz)$")
  add_compile_options(-fsanitize-ignorelist=${CMAKE_SOURCE_DIR}/cmake/sanitize-ignore.txt)
endif()

find_package(Threads REQUIRED)

add_library(causeway_warnings INTERFACE)
target_compile_options(causeway_warnings INTERFACE -Wall -Wextra -Wconversion -Wshadow -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # gcc 12 at -O3 sees overlaps in every "literal" + std::string (its bug 105651).
  target_compile_options(causeway_warnings INTERFACE -Wno-restrict)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT CAUSEWAY_LANE MATCHES "^(dev|release)$")
  # The sanitizers' extra branches make gcc's flow analysis report values that are always set.
  target_compile_options(causeway_warnings INTERFACE -Wno-maybe-uninitialized -Wno-array-bounds -Wno-stringop-overflow)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_UNITY_BUILD)
  # gcc takes every source of a unity build for a header and warns of a State struct with members of an anonymous namespace.
  target_compile_options(causeway_warnings INTERFACE -Wno-subobject-linkage)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # clang counts -Wsign-conversion to -Wconversion, gcc does not: both check the same.
  target_compile_options(causeway_warnings INTERFACE -Wno-sign-conversion -Wno-unused-command-line-argument)
endif()

# BoringSSL, built static by tools/deps from Debian's source package android-platform-external-boringssl.
#
# The one place that names its versions (upstream's part; any Debian revision of it is taken). tools/deps reads the next
# line and takes the first one that is offered: Debian 12 has the first, Debian 13 the second.
set(CAUSEWAY_BORINGSSL_VERSIONS 13.0.0+r24 14.0.0+r45)

set(boringssl_root)
foreach(version IN LISTS CAUSEWAY_BORINGSSL_VERSIONS)
  file(GLOB candidates ${CAUSEWAY_CACHE}/boringssl-${version}-*)
  list(SORT candidates COMPARE NATURAL ORDER DESCENDING)
  foreach(candidate IN LISTS candidates)
    if(NOT boringssl_root AND EXISTS ${candidate}/lib/libssl.a)
      set(boringssl_root ${candidate})
    endif()
  endforeach()
endforeach()

if(NOT boringssl_root)
  list(APPEND causeway_missing "BoringSSL (in ${CAUSEWAY_CACHE})")
else()
  get_filename_component(CAUSEWAY_BORINGSSL_VERSION ${boringssl_root} NAME)
  string(REGEX REPLACE "^boringssl-" "" CAUSEWAY_BORINGSSL_VERSION ${CAUSEWAY_BORINGSSL_VERSION})
  message(STATUS "causeway: BoringSSL ${CAUSEWAY_BORINGSSL_VERSION}")
  foreach(part crypto ssl)
    add_library(causeway_boringssl_${part} STATIC IMPORTED GLOBAL)
    set_target_properties(causeway_boringssl_${part} PROPERTIES
      IMPORTED_LOCATION ${boringssl_root}/lib/lib${part}.a
      INTERFACE_INCLUDE_DIRECTORIES ${boringssl_root}/include)
    add_library(causeway::boringssl_${part} ALIAS causeway_boringssl_${part})
  endforeach()
  # libnats, libcurl and others of the same process bring OpenSSL 3: our copy's names must not leave the binary.
  # Not ALL: that would also hide the interceptors of clang's static sanitizer runtimes.
  set_target_properties(causeway_boringssl_crypto PROPERTIES
    INTERFACE_LINK_OPTIONS "LINKER:--exclude-libs,libcrypto.a;LINKER:--exclude-libs,libssl.a"
    INTERFACE_LINK_LIBRARIES Threads::Threads)
  set_target_properties(causeway_boringssl_ssl PROPERTIES
    INTERFACE_LINK_LIBRARIES causeway_boringssl_crypto)
endif()

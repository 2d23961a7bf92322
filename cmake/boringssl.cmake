# BoringSSL, built static by tools/deps from Debian's source package android-platform-external-boringssl.
#
# The one place that names its versions: tools/deps takes the first one the machine's Debian offers, and reads this
# list from the next line. Debian 12 has the first, Debian 13 the second.
set(CAUSEWAY_BORINGSSL_VERSIONS 13.0.0+r24-2 14.0.0+r45-3)

set(boringssl_root)
set(boringssl_version)
foreach(version IN LISTS CAUSEWAY_BORINGSSL_VERSIONS)
  if(EXISTS ${CAUSEWAY_CACHE}/boringssl-${version}/lib/libssl.a)
    set(boringssl_version ${version})
    set(boringssl_root ${CAUSEWAY_CACHE}/boringssl-${version})
    break()
  endif()
endforeach()

if(NOT boringssl_root)
  list(APPEND causeway_missing "BoringSSL (in ${CAUSEWAY_CACHE})")
else()
  message(STATUS "causeway: BoringSSL ${boringssl_version} from ${boringssl_root}")
  foreach(part crypto ssl)
    add_library(causeway_boringssl_${part} STATIC IMPORTED GLOBAL)
    set_target_properties(causeway_boringssl_${part} PROPERTIES
      IMPORTED_LOCATION ${boringssl_root}/lib/lib${part}.a
      INTERFACE_INCLUDE_DIRECTORIES ${boringssl_root}/include)
    add_library(causeway::boringssl_${part} ALIAS causeway_boringssl_${part})
  endforeach()
  # libnats, libcurl and others of the same process bring OpenSSL 3: our copy's names must not leave the binary.
  set_property(TARGET causeway_boringssl_crypto PROPERTY INTERFACE_LINK_OPTIONS LINKER:--exclude-libs,ALL)
  set_property(TARGET causeway_boringssl_crypto PROPERTY INTERFACE_LINK_LIBRARIES Threads::Threads)
  set_property(TARGET causeway_boringssl_ssl PROPERTY INTERFACE_LINK_LIBRARIES causeway_boringssl_crypto)
endif()

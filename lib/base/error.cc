#include "base/error.h"

#include <cerrno>

namespace causeway {

std::string_view fault_name(Fault fault) noexcept {
  switch (fault) {
    case Fault::invalid:
      return "invalid";
    case Fault::not_found:
      return "not_found";
    case Fault::exists:
      return "exists";
    case Fault::conflict:
      return "conflict";
    case Fault::unsupported:
      return "unsupported";
    case Fault::limit:
      return "limit";
    case Fault::timeout:
      return "timeout";
    case Fault::cancelled:
      return "cancelled";
    case Fault::refused:
      return "refused";
    case Fault::unreachable:
      return "unreachable";
    case Fault::reset:
      return "reset";
    case Fault::closed:
      return "closed";
    case Fault::protocol:
      return "protocol";
    case Fault::unavailable:
      return "unavailable";
    case Fault::io:
      return "io";
    case Fault::internal:
      return "internal";
    case Fault::no_route:
      return "no_route";
    case Fault::no_endpoint:
      return "no_endpoint";
  }
  return "unknown";
}

Fault fault_of_errno(int os) noexcept {
  switch (os) {
    case ECONNREFUSED:
      return Fault::refused;
    case ECONNRESET:
    case EPIPE:
      return Fault::reset;
    case ETIMEDOUT:
      return Fault::timeout;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EADDRNOTAVAIL:
      return Fault::unreachable;
    case ECANCELED:
      return Fault::cancelled;
    case ENOENT:
      return Fault::not_found;
    case EEXIST:
      return Fault::exists;
    case EINVAL:
      return Fault::invalid;
    case EMFILE:
    case ENFILE:
      return Fault::limit;
    default:
      return Fault::io;
  }
}

std::string to_string(const Error& error) {
  std::string text(fault_name(error.fault));
  if (!error.detail.empty()) {
    text += ": ";
    text += error.detail;
  }
  if (error.os != 0) {
    text += " (errno " + std::to_string(error.os) + ")";
  }
  return text;
}

}  // namespace causeway

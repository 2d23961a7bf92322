#include "control/bbs/rules/refusal.h"

namespace causeway::bbs {

namespace {

constexpr size_t kReasonBytesMax = 1024;
constexpr std::string_view kTruncated = "(truncated)";

const char* message_of(models::Error::Type type) {
  switch (type) {
    case models::Error::InvalidRequest:
      return "the request received is invalid";
    case models::Error::FailedToOpenEnvelope:
      return "could not open envelope";
    case models::Error::ResourceConflict:
      return "the requested resource is in a conflicting state";
    case models::Error::ResourceExists:
      return "the requested resource already exists";
    case models::Error::ResourceNotFound:
      return "the requested resource could not be found";
    case models::Error::ActualLRPCannotBeClaimed:
      return "cannot claim actual LRP";
    case models::Error::ActualLRPCannotBeStarted:
      return "cannot start actual LRP";
    case models::Error::ActualLRPCannotBeCrashed:
      return "cannot crash actual LRP";
    case models::Error::ActualLRPCannotBeFailed:
      return "cannot fail actual LRP";
    case models::Error::ActualLRPCannotBeRemoved:
      return "cannot remove actual LRP";
    case models::Error::ActualLRPCannotBeUnclaimed:
      return "cannot unclaim actual LRP";
    case models::Error::Deserialize:
      return "could not deserialize record";
    case models::Error::LockCollision:
      return "lock already exists";
    default:
      return "";
  }
}

}  // namespace

Refusal refuse(models::Error::Type type) { return {type, message_of(type)}; }

Refusal refusal_of(const Error& error) {
  switch (error.fault) {
    case Fault::conflict:
      return refuse(models::Error::ResourceConflict);
    case Fault::unavailable:
    case Fault::timeout:
      return {models::Error::UnknownError, "storage is unavailable: " + error.detail};
    default:
      return {models::Error::UnknownError, to_string(error)};
  }
}

models::Error to_error(const Refusal& refusal) {
  models::Error error;
  error.set_type(refusal.type);
  error.set_message(refusal.message);
  return error;
}

std::string truncate_reason(std::string_view reason) {
  if (reason.size() <= kReasonBytesMax) return std::string(reason);
  size_t end = kReasonBytesMax - kTruncated.size();
  // Not inside of a UTF-8 sequence: the field is a proto3 string.
  while (end > 0 && (static_cast<unsigned char>(reason[end]) & 0xc0) == 0x80) --end;
  return std::string(reason.substr(0, end)) + std::string(kTruncated);
}

}  // namespace causeway::bbs

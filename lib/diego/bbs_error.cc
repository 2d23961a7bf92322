#include "diego/bbs_error.h"

#include <utility>

#include "common.pb.h"

namespace causeway::diego {

namespace {

Fault fault_of_type(int type) {
  switch (type) {
    case models::Error::InvalidRecord:
    case models::Error::InvalidRequest:
    case models::Error::InvalidResponse:
    case models::Error::InvalidProtobufMessage:
    case models::Error::InvalidJSON:
      return Fault::invalid;
    case models::Error::ResourceNotFound:
      return Fault::not_found;
    case models::Error::ResourceExists:
    case models::Error::LockCollision:
      return Fault::exists;
    case models::Error::InvalidStateTransition:
    case models::Error::ResourceConflict:
    case models::Error::ActualLRPCannotBeClaimed:
    case models::Error::ActualLRPCannotBeStarted:
    case models::Error::ActualLRPCannotBeCrashed:
    case models::Error::ActualLRPCannotBeFailed:
    case models::Error::ActualLRPCannotBeRemoved:
    case models::Error::ActualLRPCannotBeUnclaimed:
    case models::Error::RunningOnDifferentCell:
      return Fault::conflict;
    case models::Error::Deadlock:
    case models::Error::Unrecoverable:
    case models::Error::RouterError:
      return Fault::unavailable;
    case models::Error::Timeout:
      return Fault::timeout;
    default:
      return Fault::internal;
  }
}

}  // namespace

BbsError bbs_answer(int type, std::string message) {
  return {
      .is_answer = true,
      .type = type,
      .cause = {.fault = fault_of_type(type), .side = Side::backend, .detail = std::move(message)}};
}

BbsError bbs_failure(Error cause) {
  return {.is_answer = false, .type = 0, .cause = std::move(cause)};
}

std::string bbs_error_name(int type) {
  if (models::Error::Type_IsValid(type)) return models::Error::Type_Name(type);
  return "type " + std::to_string(type);
}

std::string to_string(const BbsError& error) {
  if (!error.is_answer) return causeway::to_string(error.cause);
  return bbs_error_name(error.type) + ": " + error.cause.detail;
}

}  // namespace causeway::diego

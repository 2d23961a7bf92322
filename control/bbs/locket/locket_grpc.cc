#include "control/bbs/locket/locket_grpc.h"

#include <utility>

#include "cf/models/models.h"

namespace causeway::bbs {

namespace {

grpc::Answer refused_with(const LocketRefusal& refusal) {
  grpc::Answer answer{.status = grpc::Status::internal, .message = refusal.text};
  if (refusal.status == 400) answer.status = grpc::Status::invalid_argument;
  if (refusal.status == 404) answer.status = grpc::Status::not_found;
  if (refusal.status == 409) answer.status = grpc::Status::already_exists;
  if (refusal.status == 503) answer.status = grpc::Status::unavailable;
  return answer;
}

grpc::Answer message_of(const google::protobuf::MessageLite& message) {
  return {.status = grpc::Status::ok, .body = cf::encode(message)};
}

// A method whose request is a `Request`.
template <class Request>
grpc::Server::Method decoded(
    std::function<void(const Request&, const grpc::Server::OnAnswer&)> method) {
  return [method = std::move(method)](const std::string& body,
                                      const grpc::Server::OnAnswer& on_answer) {
    Request request;
    if (cf::decode(body, request)) return method(request, on_answer);
    on_answer({.status = grpc::Status::invalid_argument, .message = "not the expected message"});
  };
}

}  // namespace

LocketGrpc::LocketGrpc(net::Loop& loop, const log::Logger& logger, Locket& locket,
                       grpc::Server::Options options)
    : server_(loop, logger.session("locket"), std::move(options)) {
  using OnAnswer = grpc::Server::OnAnswer;
  server_.method("/models.Locket/Lock",
                 decoded<models::LockRequest>([&locket](const auto& request, const OnAnswer& on) {
                   locket.lock(request, [on](const auto& done) {
                     on(done ? message_of(models::LockResponse()) : refused_with(done.error()));
                   });
                 }));
  server_.method(
      "/models.Locket/Release",
      decoded<models::ReleaseRequest>([&locket](const auto& request, const OnAnswer& on) {
        locket.release(request, [on](const auto& done) {
          on(done ? message_of(models::ReleaseResponse()) : refused_with(done.error()));
        });
      }));
  server_.method("/models.Locket/Fetch",
                 decoded<models::FetchRequest>([&locket](const auto& request, const OnAnswer& on) {
                   locket.fetch(request, [on](const auto& resource) {
                     if (!resource) return on(refused_with(resource.error()));
                     models::FetchResponse response;
                     *response.mutable_resource() = *resource;
                     on(message_of(response));
                   });
                 }));
  server_.method(
      "/models.Locket/FetchAll",
      decoded<models::FetchAllRequest>([&locket](const auto& request, const OnAnswer& on) {
        locket.fetch_all(request, [on](const auto& resources) {
          if (!resources) return on(refused_with(resources.error()));
          models::FetchAllResponse response;
          for (const auto& resource : *resources) *response.add_resources() = resource;
          on(message_of(response));
        });
      }));
}

}  // namespace causeway::bbs

#include "tools/causeway/session.h"

#include <google/protobuf/message_lite.h>

#include "cf/models/models.h"
#include "json/json.h"
#include "net/loop.h"
#include "tools/causeway/context.h"
#include "tools/platform/state_file.h"

namespace causeway::cli {
namespace {

constexpr auto kCallPatience = std::chrono::seconds(15);

Fault fault_of(models::Error::Type type) {
  switch (type) {
    case models::Error::ResourceNotFound:
      return Fault::not_found;
    case models::Error::ResourceExists:
      return Fault::exists;
    case models::Error::InvalidRequest:
      return Fault::invalid;
    case models::Error::ResourceConflict:
    case models::Error::InvalidStateTransition:
      return Fault::conflict;
    default:
      return Fault::internal;
  }
}

// Every response but PingResponse has the error as field 1: read as that alone, whatever else it
// holds.
Result<void> error_in(std::string_view body) {
  models::DesiredLRPLifecycleResponse response;
  if (!cf::decode(body, response))
    return Error{.fault = Fault::protocol,
                 .side = Side::backend,
                 .detail = "the answer is not a BBS message"};
  if (!response.has_error()) return {};
  return Error{.fault = fault_of(response.error().type()),
               .side = Side::backend,
               .detail = response.error().message()};
}

}  // namespace

struct Session::State {
  net::Loop loop;
  rpc::Client client{loop};
};

Session::Session(std::string bbs_url)
    : bbs_url_(std::move(bbs_url)), state_(std::make_unique<State>()) {}

Session::~Session() = default;

Result<rpc::Reply> Session::send(rpc::Call call) {
  Result<rpc::Reply> answer = Error{};
  state_->client.send(std::move(call), [&](Result<rpc::Reply> reply) {
    answer = std::move(reply);
    state_->loop.stop();
  });
  state_->loop.run();
  return answer;
}

Result<void> Session::call(std::string_view path, const google::protobuf::MessageLite& request,
                           google::protobuf::MessageLite& response) {
  rpc::Call call;
  call.url = bbs_url_ + std::string(path);
  call.headers = {{"Content-Type", "application/x-protobuf"}};
  call.body = cf::encode(request);
  call.timeout = kCallPatience;
  const Result<rpc::Reply> reply = send(std::move(call));
  if (!reply) {
    Error error = reply.error();
    error.detail = "the BBS at " + bbs_url_ + " does not answer" +
                   (error.detail.empty() ? "" : ": " + error.detail);
    return error;
  }
  if (reply->status != 200) {
    return Error{.fault = Fault::unavailable,
                 .side = Side::backend,
                 .detail = "the BBS answered status " + std::to_string(reply->status)};
  }
  if (Result<void> fine = error_in(reply->body); !fine) return fine;
  if (!cf::decode(reply->body, response)) {
    return Error{.fault = Fault::protocol,
                 .side = Side::backend,
                 .detail = "the answer is not a BBS message"};
  }
  return {};
}

Result<void> Session::follow(rpc::Call call,
                             std::function<bool(std::string_view, std::string_view)> on_event) {
  return follow(std::vector<rpc::Call>{std::move(call)}, std::move(on_event));
}

Result<void> Session::follow(std::vector<rpc::Call> calls,
                             std::function<bool(std::string_view, std::string_view)> on_event) {
  Result<void> result;
  std::vector<std::unique_ptr<rpc::Client::EventStream>> streams;
  for (rpc::Call& call : calls) {
    rpc::Client::StreamEvents events;
    events.on_event = [&](std::string_view, std::string_view event, std::string_view data) {
      if (!on_event(event, data)) state_->loop.stop();
    };
    events.on_close = [&](Error error) {
      result = std::move(error);
      state_->loop.stop();
    };
    streams.push_back(state_->client.subscribe(std::move(call), std::move(events)));
  }
  state_->loop.run();
  for (auto& stream : streams) state_->loop.bury(std::move(stream));
  return result;
}

Result<std::string> find_bbs(const Context& context) {
  if (!context.bbs_url.empty()) return context.bbs_url;
  const std::string path = context.state_dir + "/config/bbs.json";
  const Result<std::string> text = platform::read_whole_file(path);
  if (!text) {
    return Error{.fault = Fault::not_found,
                 .detail = "no platform in " + context.state_dir + " and no --bbs URL given"};
  }
  const Result<json::Document> document = json::Document::parse(*text);
  const auto address = document ? document->root()["listen_address"].string() : std::nullopt;
  if (!address) return Error{.fault = Fault::invalid, .detail = path + " names no listen_address"};
  return "http://" + std::string(*address);
}

}  // namespace causeway::cli

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/result.h"
#include "diego/bbs_client.h"
#include "diego/bbs_error.h"
#include "rpc/client.h"

namespace causeway::net {
class Loop;
}

namespace causeway::cli {

struct Context;

// Calls for a command line, one after the other: each turns a loop until the answer is there.
// Owner: a command. Thread: main.
class Session {
 public:
  // `bbs_url`: https://host:port, as find_bbs() has found it. The context's certificates are used
  // for all that speaks https.
  Session(const Context& context, std::string bbs_url, Duration timeout = std::chrono::seconds(15));
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  // One call to the BBS, by the client's method for it. A refusal becomes an Error whose detail is
  // the BBS's message, with fault not_found, exists, conflict or invalid by its type.
  template <class Request, class Response>
  Result<Response> ask(void (diego::BbsClient::*method)(const Request&,
                                                        diego::BbsClient::On<Response>),
                       const Request& request) {
    return wait_for<Response>([&](auto on) { (bbs().*method)(request, std::move(on)); });
  }
  template <class Response>
  Result<Response> ask(void (diego::BbsClient::*method)(diego::BbsClient::On<Response>)) {
    return wait_for<Response>([&](auto on) { (bbs().*method)(std::move(on)); });
  }
  template <class Request>
  Result<void> ask(void (diego::BbsClient::*method)(const Request&, diego::BbsClient::OnDone),
                   const Request& request) {
    return wait_for<void>([&](auto on) { (bbs().*method)(request, std::move(on)); });
  }
  // Why the last call that failed did.
  const diego::BbsError& refusal() const { return refusal_; }
  // For other clients: `begin` starts a call and answers through what it is given.
  template <class Value>
  Result<Value> wait(const std::function<void(std::function<void(Result<Value>)>)>& begin) {
    std::optional<Result<Value>> answer;
    begin([&](Result<Value> result) {
      answer = std::move(result);
      stop();
    });
    run();
    if (!answer) return Error{.fault = Fault::cancelled, .detail = "no answer"};
    return *std::move(answer);
  }
  net::Loop& loop();
  rpc::Identity* identity();  // for other clients; null: none is configured

  Result<rpc::Reply> send(rpc::Call call);

  // Follows an event stream until it closes (the reason is the answer) or `on_event` answers false
  // (success).
  Result<void> follow(rpc::Call call,
                      std::function<bool(std::string_view event, std::string_view data)> on_event);
  // The same for several streams at once; `stream`: which of the calls it is of.
  Result<void> follow(
      std::vector<rpc::Call> calls,
      std::function<bool(size_t stream, std::string_view event, std::string_view data)> on_event);

  const std::string& bbs_url() const { return bbs_url_; }

 private:
  template <class Value, class Begin>
  Result<Value> wait_for(Begin begin) {
    std::optional<Result<Value, diego::BbsError>> answer;
    begin([&](Result<Value, diego::BbsError> result) {
      answer = std::move(result);
      stop();
    });
    run();
    if (answer && *answer) {
      if constexpr (std::is_void_v<Value>) {
        return {};
      } else {
        return *std::move(*answer);
      }
    }
    return take_refusal(answer ? answer->error() : diego::BbsError{});
  }
  Error take_refusal(diego::BbsError refusal);
  diego::BbsClient& bbs();
  void run();
  void stop();

  struct State;
  std::string bbs_url_;
  diego::BbsError refusal_;
  std::unique_ptr<State> state_;
};

// The BBS to talk to: --bbs, else the one of the platform in the state folder. Fault::invalid when
// it is no URL, or https and the certificates do not fit.
Result<std::string> find_bbs(const Context& context);

}  // namespace causeway::cli

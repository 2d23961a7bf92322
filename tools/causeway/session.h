#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "rpc/client.h"

namespace google::protobuf {
class MessageLite;
}

namespace causeway::cli {

struct Context;

// Calls for a command line, one after the other: each turns a loop until the answer is there.
// Owner: a command. Thread: main.
class Session {
 public:
  // `bbs_url`: http://host:port
  explicit Session(std::string bbs_url);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  // One call to the BBS: fills `response`. An error in the response becomes an Error whose detail
  // is the BBS's message, with fault not_found, exists, conflict or invalid by its type.
  Result<void> call(std::string_view path, const google::protobuf::MessageLite& request,
                    google::protobuf::MessageLite& response);

  Result<rpc::Reply> send(rpc::Call call);

  // Follows an event stream until it closes (the reason is the answer) or `on_event` answers false
  // (success).
  Result<void> follow(rpc::Call call,
                      std::function<bool(std::string_view event, std::string_view data)> on_event);
  // The same for several streams at once.
  Result<void> follow(std::vector<rpc::Call> calls,
                      std::function<bool(std::string_view event, std::string_view data)> on_event);

  const std::string& bbs_url() const { return bbs_url_; }

 private:
  struct State;
  std::string bbs_url_;
  std::unique_ptr<State> state_;
};

// The BBS to talk to: --bbs, else the one of the platform in the state folder.
Result<std::string> find_bbs(const Context& context);

}  // namespace causeway::cli

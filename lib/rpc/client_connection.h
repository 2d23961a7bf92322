#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/arena.h"
#include "http/h1_parser.h"
#include "net/stream.h"
#include "net/timer.h"
#include "rpc/dialer.h"
#include "rpc/host_pool.h"

namespace causeway::rpc {

// The head of a request as it goes out.
std::string request_head(const Call& call, const Url& url, bool has_body);
// Copies a reply's head out of its parser.
void copy_head(const http::ReplyHead& head, Reply& reply);

// One connection of a pool and the call it carries, from dialling on. Owner: HostPool, one call at
// a time. Thread: its loop's. Ends when the peer closes, a call fails, it was idle for too long, or
// with its pool; buried, since that happens in its callbacks.
class ClientConnection final : net::Stream::Events, http::ReplyParser::Events {
 public:
  explicit ClientConnection(HostPool& pool);
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  // Sends the call, as soon as the connection stands.
  void carry(std::unique_ptr<PendingCall> pending);
  // Gives the present call up with this error.
  void abandon(Error error);
  // Nothing to carry: closes after the idle time.
  void rest();
  // Detaches: no callback does anything afterwards.
  void end();

 private:
  void on_read(std::span<char> bytes) override;
  void on_end() override;
  void on_failure(const Error& error) override;
  void on_reply(http::ReplyHead& head) override;
  void on_reply_body(std::string_view bytes) override;
  void on_reply_end(const http::Headers& trailers) override;

  void dialled(Result<std::unique_ptr<net::Stream>> stream);
  void send_request();
  void refuse_to_send();
  void finish(bool reusable);
  // The connection broke while it carried a call.
  void lost(Error error);

  HostPool& pool_;
  net::Loop& loop_;
  bool has_ended_ = false;
  bool is_kept_ = false;  // has carried a call before
  std::unique_ptr<PendingCall> pending_;
  Reply reply_;
  std::optional<Error> refusal_;  // what a parser event found wrong
  Arena arena_;
  http::ReplyParser parser_;
  net::Timer idle_timer_;
  std::unique_ptr<Dialer> dialer_;
  std::unique_ptr<net::Stream> stream_;
};

}  // namespace causeway::rpc

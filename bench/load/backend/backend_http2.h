#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "bench/load/backend/backend_connection.h"
#include "net/stream.h"
#include "net/timer.h"

struct nghttp2_session;

namespace causeway::load {

// One client of a backend that speaks HTTP/2 (nghttp2 inside); what it asks for is done as
// backend_act.h lists it, on each stream. Owner: its worker, which buries it when it is released.
// Thread: the worker's.
class BackendHttp2 final : public BackendClient, net::Stream::Events {
 public:
  // `first`: what has been read of the connection already.
  BackendHttp2(BackendConnection::Shared& shared, BackendOwner& owner,
               std::unique_ptr<net::Stream> stream, std::string first);
  BackendHttp2(const BackendHttp2&) = delete;
  BackendHttp2& operator=(const BackendHttp2&) = delete;
  ~BackendHttp2() override;

 private:
  struct Callbacks;  // nghttp2's
  struct SessionEnd {
    void operator()(nghttp2_session* session) const;
  };
  // One request and its reply.
  struct Exchange {
    int32_t id = 0;
    std::string path, method, body;
    BackendAct act;
    uint64_t left = 0;     // bytes of the body
    uint64_t allowed = 0;  // of them now, when they drip
    uint64_t whole = 0;    // for the trailer
    std::unique_ptr<net::Timer> timer;
  };

  void answer(Exchange& exchange);
  void reply(Exchange& exchange, uint16_t status, uint64_t bytes, bool says_length);
  void reply_later(Exchange& exchange, Duration delay);
  void drip(Exchange& exchange);
  void take(std::string_view bytes);
  void flush();
  void flush_soon();
  void close();

  void on_read(std::span<char> bytes) override { take({bytes.data(), bytes.size()}); }
  void on_end() override;
  void on_failure(const Error&) override { close(); }
  void on_drained() override { flush(); }

  BackendConnection::Shared& shared_;
  BackendOwner& owner_;
  std::unique_ptr<net::Stream> stream_;
  std::unique_ptr<nghttp2_session, SessionEnd> session_;
  std::unordered_map<int32_t, std::unique_ptr<Exchange>> exchanges_;
  net::Timer turn_;  // a flush, or an end, that must not happen inside the session's callbacks
  std::string first_, out_;
  bool is_receiving_ = false;
  bool has_said_fin_ = false;
  bool is_ending_ = false;  // sends its last, then ends the connection
};

}  // namespace causeway::load

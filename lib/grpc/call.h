#pragma once

// Internal to lib/grpc: connections and calls.

#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/arena.h"
#include "grpc/server.h"
#include "http2/memory.h"
#include "http2/server_session.h"
#include "http2/server_stream.h"
#include "net/stream.h"
#include "net/tcp.h"
#include "net/timer.h"
#include "tls/handshake.h"

namespace causeway::grpc {

class Connection;

// One call. Owner: its connection. Thread: its loop's. Ends: when its stream has closed.
class Call final : public http2::ServerStream {
 public:
  Call(Server::State& server, Connection& connection, uint64_t number);
  ~Call() = default;

  uint64_t number() const { return number_; }
  void answer(const Answer& answer);

 private:
  Arena& head_arena() override { return arena_; }
  void on_body(std::string_view bytes) override;
  void on_fed() override;
  void on_drained() override {}
  void on_closed(bool by_client) override;

  void begin();

  Server::State& server_;
  Connection& connection_;
  const uint64_t number_;
  Arena arena_;
  std::string body_;
  size_t body_bytes_ = 0;
  bool is_too_long_ = false;
  bool has_begun_ = false;
};

// One client. Owner: the server. Thread: its loop's. Ends: with its socket, or its session.
class Connection final : public net::Stream::Events, public http2::ServerSession::Events {
 public:
  Connection(Server::State& server, std::unique_ptr<net::Stream> stream);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void open();
  void drain();
  void end();
  void forget(Call& call);

 private:
  void on_read(std::span<char> bytes) override;
  void on_end() override { end(); }
  void on_failure(const Error&) override { end(); }
  void on_drained() override { flush(); }

  http2::ServerStream& on_stream() override;
  void on_output_waiting() override;
  void on_violation(bool is_flood) override;

  void flush();

  Server::State& server_;
  std::unique_ptr<net::Stream> stream_;
  http2::ServerSession session_;
  std::map<const Call*, std::unique_ptr<Call>> calls_;
  net::Timer flush_timer_, idle_timer_;
  bool is_draining_ = false;
  bool has_ended_ = false;
};

// What a server consists of.
struct Server::State {
  State(net::Loop& the_loop, const log::Logger& the_logger, Options the_options);

  void accept(std::unique_ptr<net::Stream> stream);
  void open(std::unique_ptr<net::Stream> stream);
  void forget(Connection& connection);
  void end();

  net::Loop& loop;
  const log::Logger logger;
  const Options options;
  http2::Memory memory;
  std::map<std::string, Method, std::less<>> methods;
  std::unique_ptr<net::Listener> listener;
  std::list<std::unique_ptr<tls::Handshake>> handshakes;
  std::map<const Connection*, std::unique_ptr<Connection>> connections;
  std::map<uint64_t, Call*> calls;  // open ones, by number
  uint64_t next_call = 0;
  uint64_t failed = 0;
  bool is_draining = false;
};

}  // namespace causeway::grpc

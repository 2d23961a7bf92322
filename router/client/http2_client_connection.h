#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/list.h"
#include "http2/server_session.h"
#include "net/stream.h"
#include "router/backend/deadlines.h"
#include "router/client/http2_request.h"
#include "router/client/lingering.h"
#include "router/client/served_connection.h"
#include "router/front/client_facts.h"
#include "router/workbench/turns.h"

namespace causeway::router {

class Listener;
struct Workbench;

// One client's HTTP/2 connection: its session turns bytes into requests, each of which is an
// Http2Request. What they all have to say leaves in one write at the end of a turn of the loop.
// Owner: Listener. Thread: its worker's. Ends: after GOAWAY and its last stream, on a broken rule,
// a failure, the client's end, its idle time; but not before the last bytes of its tunnels have
// gone to their backends.
class Http2ClientConnection final : public ServedConnection,
                                    public TurnEnd,
                                    private net::Stream::Events,
                                    private http2::ServerSession::Events,
                                    private Deadline {
 public:
  Http2ClientConnection(Listener& listener, Workbench& bench, std::unique_ptr<net::Stream> stream,
                        ClientFacts facts, size_t place);
  ~Http2ClientConnection() override;

  // From its stream; from the listener what the client had sent before there was a connection.
  void on_read(std::span<char> bytes) override;

  // ServedConnection.
  void drain() override;
  void send_away() override;
  void end() override;
  bool is_busy() const override;

  // For its requests.
  net::Stream& stream() { return *stream_; }
  const ClientFacts& facts() const { return facts_; }
  const std::string& client_ip() const { return client_ip_; }
  const std::string& client_authority() const { return client_authority_; }
  bool limits_name_themselves() const;
  // wake() comes in the connection's next turn.
  void wake_soon(Http2Request& request);
  // Its client has taken next to nothing for too long.
  void on_stalled(Http2Request& request);
  void release(Http2Request& request);

 private:
  enum class State : uint8_t { open, lingering, ended };
  enum class Timed : uint8_t { nothing, idle, head };
  enum class Leaving : uint8_t { no, announced, last_stream_told };

  // The two steps of leaving: at drain, and at its age.
  struct LeaveTick final : Deadline {
    explicit LeaveTick(Http2ClientConnection& c) : connection(c) {}
    void on_deadline() override { connection.leave(); }
    Http2ClientConnection& connection;
  };

  void on_turn_end() override;
  void on_end() override;
  void on_failure(const Error& error) override;
  void on_drained() override;
  http2::ServerStream& on_stream() override;
  void on_output_waiting() override;
  void on_violation(bool is_flood) override;
  void on_deadline() override;

  void send();
  void after_turn();
  void leave();
  void linger();
  void end_if_done();
  void on_linger_tick();

  Listener& listener_;
  Workbench& bench_;
  std::unique_ptr<net::Stream> stream_;
  const ClientFacts facts_;
  const std::string client_ip_;
  const std::string client_authority_;
  http2::ServerSession session_;
  LeaveTick leave_tick_;
  std::vector<std::unique_ptr<Http2Request>> requests_;  // each knows its place
  List<Http2Request> woken_;
  State state_ = State::open;
  Timed timed_ = Timed::nothing;
  Leaving leaving_ = Leaving::no;
  bool has_ended_ = false;   // the client sends no more
  bool has_failed_ = false;  // nor does it hear
  bool has_spoken_ = false;
  Lingering lingering_;
};

}  // namespace causeway::router

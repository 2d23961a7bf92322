#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/arena.h"
#include "http/message.h"
#include "router/backend/deadlines.h"
#include "router/observe/access_record.h"
#include "router/observe/proxy_metrics.h"
#include "router/proxy/attempt.h"
#include "router/proxy/relay.h"
#include "router/proxy/request_facts.h"
#include "router/proxy/requester.h"
#include "router/proxy/tunnel.h"
#include "router/route/pool.h"
#include "router/settings/settings_history.h"
#include "router/workbench/route_view.h"

namespace causeway::router {

struct Settings;
struct Workbench;

// A reply that the router makes itself (gorouter.md section 16). Views live during the call.
struct RouterReply {
  uint16_t status = 502;
  std::string_view router_error = {};  // X-Cf-Routererror
  std::string_view message = {};       // the body becomes "<status> <reason>: <message>\n"
  std::string_view cache_control = {};
  std::string_view body = {};  // instead of a message, word for word
  bool is_plain = true;        // with the content type of text
  bool is_templated = true;    // the message comes as html_error_template_file has it
  bool expires = false;        // Expires: 0
  bool closes = false;         // the client connection ends with it
};

// Where a request for a route with a route service is on its way.
enum class ServiceLeg : uint8_t {
  none,
  to_service,    // first to the service
  from_service,  // it was there: now to the app
};

// What the rules decided about a request: typed fields, set once each, read by the writer of heads.
// Views into the arena.
struct Ruling {
  std::string_view trace_id;  // 32 digits; "" when there is none
  std::string_view request_id;
  std::string_view forwarded_for;
  std::string_view forwarded_proto;
  std::string_view request_start;
  InstanceFilter filter;
  const Pool* pool = nullptr;  // valid while the exchange pins its table
  bool drops_client_cert = false;
  std::string_view client_cert;  // X-Forwarded-Client-Cert of the router's own; of the connection
  bool must_be_sticky = false;
  std::string_view sticky_id;

  ServiceLeg service_leg = ServiceLeg::none;
  std::shared_ptr<const Endpoint> service;  // one outside of the table, instead of the pool's
  std::string_view service_host;
  std::string_view service_target;
  std::string_view forwarded_url;
  std::string_view proxy_signature;
  std::string_view proxy_metadata;
};

// One request and its reply, from the request's head to the end of both: runs the rules, chooses
// endpoints, relays the bodies and writes the access record. Reused for the next request of its
// requester. Owner: its requester. Thread: its worker's. Ends: finish(), cut() or the client's
// going; idle then.
class Exchange final : private Deadline {
 public:
  enum class Phase : uint8_t {
    idle,
    ruling,      // rules look at the head
    connecting,  // an attempt gets its connection
    relaying,    // bytes go both ways
    tunnelling,  // upgraded
    replied,     // the router answered itself; what is left of the request body is thrown away
  };

  Exchange(Requester& client, Workbench& bench);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange();

  // From the requester: the request.
  void begin(http::RequestHead& head);
  void on_request_body(std::string_view bytes);
  void on_request_end(const http::Headers& trailers);
  // All bytes at hand were told. May finish the exchange, and the requester with it.
  void on_feed_done();
  // May request bytes be told just now?
  bool takes_body() const { return phase_ == Phase::relaying || phase_ == Phase::replied; }
  bool is_idle() const { return phase_ == Phase::idle; }
  bool is_tunnelling() const { return phase_ == Phase::tunnelling; }
  bool is_upgrading() const { return is_upgrading_; }  // a fitting 101 has come
  bool has_replied() const { return reply_head_is_sent_; }
  // The router has answered; only the rest of the request's body is still to come.
  bool is_discarding() const { return phase_ == Phase::replied; }
  // The worker is to end: a tunnel's ends are told so.
  void send_away() { tunnel_.send_away(); }
  void on_client_drained() { reply_relay_.on_drained(); }
  // The client is no more, or talks nonsense (then `status` is what it is answered): logs it and
  // gives the attempt up.
  void on_client_gone(uint16_t status = 499);

  // From the attempt.
  void on_attempt_ready();
  void on_attempt_failed();
  void on_reply(http::ReplyHead& head);
  void on_reply_body(std::string_view bytes);
  void on_reply_end(const http::Headers& trailers);
  void on_backend_read_done(std::string_view rest);
  void on_backend_drained() { request_relay_.on_drained(); }

  // From the tunnel: both sides have ended, or one has failed.
  void on_tunnel_end();

  // For the rules.
  http::RequestHead& request() { return *head_; }
  const RequestFacts& facts() const { return facts_; }
  Ruling& ruling() { return ruling_; }
  AccessRecord& record() { return record_; }
  Requester& client() { return client_; }
  Workbench& bench() { return bench_; }
  const Settings& settings() const;
  Arena& arena() { return client_.arena(); }
  const RouteTable& pin_table();
  const RouteTable& table() const { return pin_.table(); }  // the pinned one
  // Answers the request; the rule that calls it then says Verdict::replied.
  void reply(const RouterReply& reply);
  // Answered without access log line (OPTIONS *).
  void leave_unlogged() { is_logged_ = false; }

 private:
  void choose();
  const Endpoint* pick_endpoint();
  bool was_tried(const Endpoint& endpoint) const;
  Attempt::Reuse reuse() const;
  void try_endpoint(const Endpoint& endpoint, Attempt::Reuse reuse);
  void send_request();
  uint32_t attempts_max() const;
  bool may_try_again(Failure failure) const;
  bool is_replayable() const;
  void note_failed_attempt(Failure failure);
  void log_failed_attempt(const FailureRow& row) const;
  void mark_endpoint(const FailureRow& row);
  void count_response(uint16_t status);
  void count_to_the_end();
  void fail(Failure failure);
  void count_failure(Failure failure);
  void on_deadline() override;  // endpoint_timeout
  void note_backend(uint16_t status);
  void pass_interim(const http::ReplyHead& head);
  void pass_reply(http::ReplyHead& head);
  bool accepts_upgrade(const http::ReplyHead& head) const;
  void start_tunnel(std::string_view rest);
  // The reply is with the client, whole.
  void finish();
  // The reply cannot be completed: the client sees it cut.
  void cut(Failure failure);
  void write_record();
  void log_reply(const RouterReply& reply) const;
  std::string_view span_id() const;
  void release_route();
  void become_idle();
  bool is_http10() const { return head_->version == http::Version{1, 0}; }
  bool may_keep_client() const;

  Requester& client_;
  Workbench& bench_;
  Phase phase_ = Phase::idle;
  http::RequestHead* head_ = nullptr;
  RequestFacts facts_;
  Ruling ruling_;
  AccessRecord record_;
  RouteView::Pin pin_;
  SettingsHistory::Pin settings_pin_;  // while it is open
  Attempt attempt_;
  Relay request_relay_;
  Relay reply_relay_;
  Tunnel tunnel_;

  Instant started_at_{};
  Instant backend_started_at_{};       // exactly: the first endpoint was about to be chosen
  Instant attempt_failed_at_{};        // the latest one that did
  std::array<EndpointId, 8> tried_{};  // the latest ones
  uint32_t attempts_ = 0;
  ProxyMetrics::OfComponent* component_ = nullptr;
  metrics::Histogram* http_latency_ = nullptr;  // of the app
  bool is_logged_ = true;
  bool is_counted_ = false;     // among bench.exchanges
  bool body_was_told_ = false;  // request body bytes are gone: no further attempt
  bool request_is_whole_ = false;
  bool reply_head_is_sent_ = false;
  bool reply_is_whole_ = false;
  bool keeps_client_ = false;      // the requester may ask once more
  bool is_upgrading_ = false;      // a fitting 101 has come
  bool closes_delimited_ = false;  // the end of the connection is the end of the reply
};

}  // namespace causeway::router

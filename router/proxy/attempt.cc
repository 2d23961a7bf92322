#include "router/proxy/attempt.h"

#include <string>
#include <utility>

#include "base/check.h"
#include "router/proxy/exchange.h"
#include "router/proxy/head_writer.h"
#include "router/workbench/workbench.h"

namespace causeway::router {
namespace {

// The target as :path: without scheme and authority, where it has them.
std::string_view path_of(std::string_view target, const RequestFacts& facts, Arena& arena) {
  if (!facts.is_absolute) return target;
  const size_t authority = target.find("://") + 3;
  const size_t path = target.find_first_of("/?", authority);
  if (path == target.npos) return "/";
  if (target[path] == '/') return target.substr(path);
  return arena.copy(std::string("/").append(target.substr(path)));
}

}  // namespace

Attempt::Attempt(Exchange& exchange, Workbench& bench)
    : exchange_(exchange), bench_(bench), dial_(bench.loop, *this), sink_(bench.to_backend) {}

Attempt::Start Attempt::start(std::string_view route_key, const Endpoint& endpoint, Reuse reuse) {
  end();
  endpoint_ = &endpoint;
  route_key_ = route_key;
  has_sent_ = was_reused_ = reply_has_begun_ = false;
  is_replay_ = reuse == Reuse::never;
  forces_http1_ = is_replay_ && failure_ == Failure::http1_required;
  times_ = {};
  started_at_ = bench_.loop.now();
  if (endpoint.is_tls() && dial_options().tls == nullptr) {
    failure_ = Failure::tls_unsupported;
    return Start::refused;
  }
  in_flight_ = &endpoint;
  endpoint.began();
  bench_.backends.metrics_of(endpoint).total_requests.add();
  if (wants_http2(endpoint)) {
    Http2Pool& pool = bench_.backends.http2();
    if (Http2Connection* connection = pool.find(endpoint); connection != nullptr) {
      use(*connection);
      return Start::ready;
    }
    if (!pool.prefers_http1(endpoint)) {
      pool.seek(*this, endpoint, route_key);
      return Start::waiting;
    }
  }
  if (take_idle(reuse)) return Start::ready;
  dial();
  return Start::waiting;
}

// An upgrade turns a connection into a tunnel, and CONNECT into what is no request in HTTP/2: both
// need one for themselves (as gorouter's transport has it).
bool Attempt::wants_http2(const Endpoint& endpoint) const {
  if (endpoint.protocol() != Protocol::http2 || !bench_.settings.enable_http2) return false;
  if (!endpoint.is_tls() && !bench_.settings.http2_prior_knowledge) return false;
  if (forces_http1_) return false;
  const http::RequestHead& head = exchange_.request();
  return !head.upgrade && head.method != "CONNECT" && exchange_.ruling().service == nullptr;
}

Dial::Options Attempt::dial_options() const {
  Dial::Options options = bench_.backends.http2().options().dial;
  if (exchange_.ruling().service != nullptr) {
    options.tls = bench_.settings.route_services.tls.get();
    options.sessions = &bench_.service_sessions;
  }
  return options;
}

bool Attempt::take_idle(Reuse reuse) {
  if (reuse == Reuse::never) return false;
  lease_ = bench_.backends.take_idle(
      *endpoint_, reuse == Reuse::any ? BackendPool::Check::none : BackendPool::Check::quiet);
  if (!lease_) return false;
  was_reused_ = true;
  lease_->use(*this, exchange_.request().method);
  return true;
}

void Attempt::dial() {
  const bool may_agree = endpoint_->is_tls() && wants_http2(*endpoint_);
  const Dial::Options options = dial_options();
  dialled_as_ = options.tls;
  dial_.start(Dial::Target(*endpoint_), options,
              may_agree ? Dial::Http2::if_agreed : Dial::Http2::no);
}

void Attempt::on_dialled(Dial::Dialled dialled) {
  times_ = dial_.times();
  if (endpoint_->is_tls()) {
    const tls::ClientContext* const present = dial_options().tls;
    if (present == nullptr) return fail(Failure::tls_unsupported);
    // What was agreed upon as somebody else serves nobody.
    if (present != dialled_as_) return dial();
  }
  if (dialled.speaks_http2) {
    use(bench_.backends.http2().adopt(*endpoint_, route_key_, std::move(dialled.stream)));
  } else {
    adopt(std::move(dialled.stream));
  }
  exchange_.on_attempt_ready();
}

void Attempt::on_dial_failed(Dial::Stage stage, const Error& error) {
  on_seek_failed(stage, error, dial_.times());
}

void Attempt::on_seek_failed(Dial::Stage stage, const Error& error, const Dial::Times& times) {
  times_ = times;
  switch (stage) {
    case Dial::Stage::lookup:
      return fail(error.fault == Fault::timeout ? Failure::dial_timeout : Failure::name_unresolved);
    case Dial::Stage::connect:
      return fail(dial_failure(error));
    case Dial::Stage::tls:
      return fail(tls_failure(error));
  }
}

void Attempt::on_http2_ready(Http2Connection& connection, const Dial::Times& times) {
  times_ = times;
  use(connection);
  exchange_.on_attempt_ready();
}

void Attempt::on_http1_instead(std::unique_ptr<net::Stream> stream, const Dial::Times& times) {
  times_ = times;
  adopt(std::move(stream));
  exchange_.on_attempt_ready();
}

void Attempt::on_http1_only() {
  if (!is_replay_ && take_idle(Reuse::quiet_ones)) return exchange_.on_attempt_ready();
  dial();
}

void Attempt::fail(Failure failure) {
  failure_ = failure;
  exchange_.on_attempt_failed();
}

void Attempt::adopt(std::unique_ptr<net::Stream> stream) {
  lease_ = bench_.backends.adopt(endpoint_->id(), route_key_, std::move(stream));
  lease_->use(*this, exchange_.request().method);
}

void Attempt::use(Http2Connection& connection) {
  connection_ = &connection;
  was_reused_ = connection.streams_opened() > 0;
}

MessageSink& Attempt::begin_request() {
  has_sent_ = true;
  if (connection_ != nullptr) return begin_http2_request();
  const bool is_chunked = exchange_.request().framing == http::Framing::chunked;
  std::string& text = sink_.begin(
      lease_->stream(), is_chunked ? Http1Sink::Framing::chunked : Http1Sink::Framing::as_is);
  append_backend_head(text, exchange_, *endpoint_);
  return sink_;
}

MessageSink& Attempt::begin_http2_request() {
  const http::RequestHead& head = exchange_.request();
  const RequestFacts& facts = exchange_.facts();
  http2::FieldBlock& fields = bench_.backend_fields;
  fields.clear();
  fields.add(":method", head.method);
  fields.add(":scheme", endpoint_->is_tls() ? "https" : "http");
  fields.add(":authority", facts.authority);
  fields.add(":path", path_of(head.target, facts, exchange_.arena()));
  http::Headers& lines = bench_.backend_lines;
  lines.clear();
  list_backend_fields(lines, exchange_, *endpoint_);
  for (const http::Header& line : lines) fields.add(line.name, line.value);
  const bool has_body = head.framing == http::Framing::chunked ||
                        (head.framing == http::Framing::length && head.content_length > 0);
  stream_ = bench_.backends.http2().take_stream();
  connection_->open(*stream_, *this,
                    {.fields = fields, .is_head = head.method == "HEAD", .has_body = has_body});
  leg_.begin(*stream_, has_body);
  return leg_;
}

MessageSource& Attempt::reply_source() {
  if (connection_ != nullptr) return leg_;
  return source_.of(lease_->stream());
}

void Attempt::leave_in_flight() {
  if (in_flight_ != nullptr) std::exchange(in_flight_, nullptr)->ended();
  counted_to_the_end_.reset();
}

void Attempt::count_to_the_end(std::shared_ptr<const Endpoint> endpoint) {
  CHECK(endpoint.get() == in_flight_);
  counted_to_the_end_ = std::move(endpoint);
}

std::string Attempt::local_address() const {
  if (connection_ != nullptr) return connection_->stream().local().to_string();
  return lease_ ? lease_->stream().local().to_string() : std::string();
}

void Attempt::finish() {
  leave_in_flight();
  close_stream();
  lease_.give_back();
}

void Attempt::end() {
  Http2Seeker::unlink();
  dial_.give_up();
  leave_in_flight();
  close_stream();
  lease_.drop();
}

void Attempt::close_stream() {
  leg_.end();
  Http2Connection* const connection = std::exchange(connection_, nullptr);
  if (stream_ == nullptr) return;
  connection->close(*stream_);
  bench_.backends.http2().give_back(std::move(stream_));
}

bool Attempt::may_replay(bool is_replayable) const {
  if (reply_has_begun_) return false;
  // Once more, in HTTP/1.1, as RFC 9113 section 7 has it.
  if (failure_ == Failure::http1_required) return !forces_http1_;
  if (is_replay_) return false;
  // The endpoint has said so: it has not looked at the request.
  if (failure_ == Failure::stream_refused) return true;
  return was_reused_ && (is_replayable || !has_sent_) &&
         (failure_ == Failure::reset_before_reply || failure_ == Failure::closed_before_reply);
}

void Attempt::on_reply(http::ReplyHead& head) {
  reply_has_begun_ = true;
  // In flight until the reply's head is there (gorouter.md section 4): downloads and tunnels do not
  // count, unless whole exchanges are to.
  const bool is_final = head.status >= 200 || head.status == 101;
  if (is_final && !bench_.settings.counts_whole_exchanges) leave_in_flight();
  exchange_.on_reply(head);
}

void Attempt::on_reply_body(std::string_view bytes) { exchange_.on_reply_body(bytes); }
void Attempt::on_reply_end(const http::Headers& trailers) { exchange_.on_reply_end(trailers); }
void Attempt::on_backend_read_done(std::string_view rest) { exchange_.on_backend_read_done(rest); }
void Attempt::on_backend_drained() { exchange_.on_backend_drained(); }

void Attempt::on_reply_read_done() { exchange_.on_backend_read_done({}); }
void Attempt::on_request_drained() { exchange_.on_backend_drained(); }

void Attempt::on_backend_failure(const Error& error) {
  // Whoever has begun to answer may have acted on the request: it is not sent again.
  if (lease_->reply_has_begun()) reply_has_begun_ = true;
  fail(of_reply(reply_failure(error)));
}

void Attempt::on_stream_failure(const http2::StreamFailure& failure) {
  if (stream_->reply_has_begun()) reply_has_begun_ = true;
  fail(of_reply(stream_failure(failure)));
}

Failure Attempt::of_reply(Failure failure) const {
  return failure == Failure::reply_head_too_large && bench_.settings.max_response_headers > 0
             ? Failure::too_many_reply_headers
             : failure;
}

}  // namespace causeway::router

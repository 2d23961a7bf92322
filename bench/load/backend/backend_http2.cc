#include "bench/load/backend/backend_http2.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <nghttp2/nghttp2.h>

#include "base/check.h"
#include "net/loop.h"

namespace causeway::load {
namespace {

constexpr uint32_t streams_max = 10'000;
constexpr int32_t window_bytes = 16 << 20;
constexpr size_t body_bytes_max = 16u << 20;  // of a body that is to be echoed
constexpr size_t flush_bytes = 64u << 10;
constexpr Duration tick = Milliseconds(20);

nghttp2_nv field_of(std::string_view name, std::string_view value) {
  return {reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(),
          NGHTTP2_NV_FLAG_NONE};
}

}  // namespace

struct BackendHttp2::Callbacks {
  static Exchange* exchange_of(nghttp2_session* session, int32_t id) {
    return static_cast<Exchange*>(nghttp2_session_get_stream_user_data(session, id));
  }

  static int on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* self) {
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    auto& exchange = static_cast<BackendHttp2*>(self)->exchanges_[frame->hd.stream_id];
    exchange = std::make_unique<Exchange>();
    exchange->id = frame->hd.stream_id;
    nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, exchange.get());
    return 0;
  }

  static int on_header(nghttp2_session* session, const nghttp2_frame* frame, const uint8_t* name,
                       size_t name_bytes, const uint8_t* value, size_t value_bytes, uint8_t,
                       void*) {
    Exchange* exchange = exchange_of(session, frame->hd.stream_id);
    if (exchange == nullptr) return 0;
    const std::string_view key(reinterpret_cast<const char*>(name), name_bytes);
    if (key == ":path") exchange->path.assign(reinterpret_cast<const char*>(value), value_bytes);
    if (key == ":method")
      exchange->method.assign(reinterpret_cast<const char*>(value), value_bytes);
    return 0;
  }

  static int on_data(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* bytes,
                     size_t count, void*) {
    Exchange* exchange = exchange_of(session, id);
    if (exchange != nullptr && exchange->path.starts_with("/echo") &&
        exchange->body.size() <= body_bytes_max)
      exchange->body.append(reinterpret_cast<const char*>(bytes), count);
    return 0;
  }

  static int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* self) {
    const bool may_end = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (!may_end || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
    if (Exchange* exchange = exchange_of(session, frame->hd.stream_id); exchange != nullptr)
      static_cast<BackendHttp2*>(self)->answer(*exchange);
    return 0;
  }

  static int on_stream_close(nghttp2_session*, int32_t id, uint32_t, void* self) {
    static_cast<BackendHttp2*>(self)->exchanges_.erase(id);
    return 0;
  }

  static ssize_t read_body(nghttp2_session* session, int32_t id, uint8_t* room, size_t room_bytes,
                           uint32_t* flags, nghttp2_data_source* source, void* self) {
    auto* exchange = static_cast<Exchange*>(source->ptr);
    const bool drips = exchange->act.kind == BackendAct::Kind::drip;
    uint64_t may = std::min<uint64_t>(exchange->left, room_bytes);
    if (drips) may = std::min(may, exchange->allowed);
    if (may == 0 && exchange->left > 0) return NGHTTP2_ERR_DEFERRED;  // the timer goes on
    const auto count = static_cast<size_t>(may);
    if (exchange->act.kind == BackendAct::Kind::echo) {
      std::memcpy(room, exchange->body.data() + (exchange->body.size() - exchange->left), count);
    } else {
      std::memset(room, 'x', count);
    }
    exchange->left -= count;
    if (drips) exchange->allowed -= count;
    if (exchange->left > 0) return static_cast<ssize_t>(count);
    switch (exchange->act.kind) {
      case BackendAct::Kind::reset:
        if (count > 0) return static_cast<ssize_t>(count);  // the next call resets
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
      case BackendAct::Kind::cut:
        static_cast<BackendHttp2*>(self)->is_ending_ = true;
        if (count > 0) return static_cast<ssize_t>(count);
        return NGHTTP2_ERR_DEFERRED;
      case BackendAct::Kind::half_open:
        static_cast<BackendHttp2*>(self)->is_ending_ = true;
        break;
      case BackendAct::Kind::trailers: {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        const std::string whole = std::to_string(exchange->whole);
        const nghttp2_nv trailer = field_of("x-bytes", whole);
        nghttp2_submit_trailer(session, id, &trailer, 1);
        break;
      }
      default:
        break;
    }
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(count);
  }

  static nghttp2_session_callbacks* table() {
    static nghttp2_session_callbacks* const made = [] {
      nghttp2_session_callbacks* callbacks = nullptr;
      CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
      nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
      nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
      nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
      nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
      return callbacks;
    }();
    return made;
  }
};

void BackendHttp2::SessionEnd::operator()(nghttp2_session* session) const {
  nghttp2_session_del(session);
}

BackendHttp2::BackendHttp2(BackendConnection::Shared& shared, BackendOwner& owner,
                           std::unique_ptr<net::Stream> stream, std::string first)
    : shared_(shared),
      owner_(owner),
      stream_(std::move(stream)),
      turn_(shared.loop),
      first_(std::move(first)) {
  nghttp2_session* session = nullptr;
  CHECK(nghttp2_session_server_new(&session, Callbacks::table(), this) == 0);
  session_.reset(session);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams_max},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<uint32_t>(window_bytes)}};
  nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, window_bytes);
  stream_->watermarks(4 * flush_bytes);
  stream_->listen(*this);
  turn_.once(Duration::zero(), [this] { take(std::exchange(first_, {})); });
}

BackendHttp2::~BackendHttp2() = default;

void BackendHttp2::take(std::string_view bytes) {
  if (!first_.empty()) {  // more came before the first turn
    first_ += bytes;
    return;
  }
  is_receiving_ = true;
  const ssize_t used = nghttp2_session_mem_recv(
      session_.get(), reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  is_receiving_ = false;
  if (used < 0) return close();
  flush();
}

void BackendHttp2::answer(Exchange& exchange) {
  owner_.count_request();
  const BackendOptions& options = shared_.options;
  exchange.act = act_of(exchange.path);
  const BackendAct& act = exchange.act;
  const auto draw = [this](uint64_t low, uint64_t high) {
    return low + shared_.rng.below(high - low + 1);
  };
  const uint64_t standard = draw(options.bytes_min, options.bytes_max);
  switch (act.kind) {
    case BackendAct::Kind::standard:
      exchange.whole = standard;
      return reply_later(
          exchange,
          Duration(static_cast<int64_t>(draw(static_cast<uint64_t>(options.delay_min.count()),
                                             static_cast<uint64_t>(options.delay_max.count())))));
    case BackendAct::Kind::delayed:
      exchange.whole = standard;
      return reply_later(exchange, act.time);
    case BackendAct::Kind::half_open:
      return reply(exchange, 200, standard, true);
    case BackendAct::Kind::bytes:
      return reply(exchange, 200, act.bytes, true);
    case BackendAct::Kind::chunked:
    case BackendAct::Kind::trailers:
    case BackendAct::Kind::reset:
    case BackendAct::Kind::cut:
      return reply(exchange, 200, act.bytes, false);
    case BackendAct::Kind::drip:
      reply(exchange, 200, act.bytes, true);
      return drip(exchange);
    case BackendAct::Kind::hang:
      return;
    case BackendAct::Kind::status:
      return reply(exchange, act.status, 0, true);
    case BackendAct::Kind::echo:
      if (exchange.body.size() > body_bytes_max) return reply(exchange, 413, 0, true);
      return reply(exchange, 200, exchange.body.size(), true);
    case BackendAct::Kind::unknown:
      return reply(exchange, 400, 0, true);
  }
}

void BackendHttp2::reply(Exchange& exchange, uint16_t status, uint64_t bytes, bool says_length) {
  exchange.whole = bytes;
  const bool has_body = exchange.method != "HEAD" && (bytes > 0 || !says_length);
  exchange.left = has_body ? bytes : 0;
  const std::string status_text = std::to_string(status), length = std::to_string(bytes);
  std::array<nghttp2_nv, 3> fields{field_of(":status", status_text),
                                   field_of("content-type", "text/plain"),
                                   field_of("content-length", length)};
  const bool may_say = says_length && status != 204 && status != 304;
  nghttp2_data_provider body{.source = {.ptr = &exchange}, .read_callback = Callbacks::read_body};
  nghttp2_submit_response(session_.get(), exchange.id, fields.data(), may_say ? 3 : 2,
                          has_body ? &body : nullptr);
  flush_soon();
}

void BackendHttp2::reply_later(Exchange& exchange, Duration delay) {
  if (delay <= Duration::zero()) return reply(exchange, 200, exchange.whole, true);
  exchange.timer = std::make_unique<net::Timer>(shared_.loop);
  exchange.timer->once(delay, [this, &exchange] { reply(exchange, 200, exchange.whole, true); });
}

void BackendHttp2::drip(Exchange& exchange) {
  const uint64_t ticks = std::max<uint64_t>(static_cast<uint64_t>(exchange.act.time / tick), 1);
  const uint64_t share = std::max<uint64_t>(exchange.act.bytes / ticks, 1);
  exchange.timer = std::make_unique<net::Timer>(shared_.loop);
  exchange.timer->every(tick, [this, &exchange, share] {
    exchange.allowed += share;
    if (exchange.left <= exchange.allowed) exchange.timer->disarm();
    nghttp2_session_resume_data(session_.get(), exchange.id);
    flush_soon();
  });
}

void BackendHttp2::flush_soon() {
  if (is_receiving_ || turn_.is_armed()) return;
  turn_.once(Duration::zero(), [this] { flush(); });
}

void BackendHttp2::flush() {
  if (has_said_fin_) return;
  while (!stream_->is_full()) {
    const uint8_t* bytes = nullptr;
    const ssize_t count = nghttp2_session_mem_send(session_.get(), &bytes);
    if (count < 0) return close();
    if (count > 0) out_.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(count));
    if (count > 0 && out_.size() < flush_bytes) continue;
    if (out_.empty()) break;
    stream_->write(out_);
    out_.clear();
  }
  if (is_ending_) {
    has_said_fin_ = true;
    return stream_->shutdown();  // reads on, until the client ends
  }
  if (nghttp2_session_want_read(session_.get()) == 0 &&
      nghttp2_session_want_write(session_.get()) == 0)
    close();
}

void BackendHttp2::on_end() { close(); }

void BackendHttp2::close() {
  turn_.disarm();
  exchanges_.clear();
  stream_.reset();
  owner_.release(*this);
}

}  // namespace causeway::load

#include "tls/tls_stream.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "base/check.h"
#include "net/loop.h"
#include "tls/context_state.h"
#include "tls/trouble_words.h"

namespace causeway::tls {
namespace {

constexpr size_t record_bytes = SSL3_RT_MAX_PLAIN_LENGTH;
constexpr size_t flush_bytes = 64u << 10;
constexpr std::array<net::Pause, 4> all_pauses{net::Pause::peer_full, net::Pause::exchange,
                                               net::Pause::owner, net::Pause::lossless};

// One thread works on one stream at a time, and none of these outlives a call.
struct Scratch {
  std::array<char, record_bytes> plain;   // what was read
  std::array<char, record_bytes> gather;  // small pieces on their way into one record
  std::string sealed;                     // records for the carrier
};

Scratch& scratch() {
  thread_local const auto mine = std::make_unique<Scratch>();
  return *mine;
}

int stream_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

}  // namespace

// What BoringSSL reads and writes through.
struct TlsStream::CarrierBio {
  static int read(BIO* bio, char* out, int room) {
    auto* stream = static_cast<TlsStream*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    const auto wanted = static_cast<size_t>(room);
    if (!stream->held_.empty()) {
      const size_t count = std::min(wanted, stream->held_.size());
      std::memcpy(out, stream->held_.data(), count);
      stream->held_.erase(0, count);
      return static_cast<int>(count);
    }
    const size_t count = std::min(wanted, stream->incoming_.size());
    if (count == 0) {
      BIO_set_retry_read(bio);
      return -1;
    }
    std::memcpy(out, stream->incoming_.data(), count);
    stream->incoming_.remove_prefix(count);
    return static_cast<int>(count);
  }

  static int write(BIO*, const char* bytes, int count) {
    scratch().sealed.append(bytes, static_cast<size_t>(count));
    return count;
  }

  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static const BIO_METHOD* method() {
    static BIO_METHOD* const made = [] {
      BIO_METHOD* method = BIO_meth_new(0, "carrier");
      CHECK(method != nullptr && BIO_meth_set_read(method, read) == 1 &&
            BIO_meth_set_write(method, write) == 1 && BIO_meth_set_ctrl(method, control) == 1);
      return method;
    }();
    return made;
  }
};

TlsStream::TlsStream(std::unique_ptr<net::Stream> carrier, bssl::UniquePtr<SSL> ssl, Side peer_side)
    : carrier_(std::move(carrier)), ssl_(std::move(ssl)), peer_side_(peer_side) {
  BIO* bio = BIO_new(CarrierBio::method());
  CHECK(bio != nullptr);
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  CHECK(SSL_set_ex_data(ssl_.get(), stream_index(), this) == 1);
}

TlsStream::~TlsStream() {
  if (is_gone_ != nullptr) *is_gone_ = true;
  // So that the peer can tell an end that was meant from one that was not.
  if (phase_ == Phase::open && !wants_fin_ && !is_aborting_) {
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
    flush();
  }
}

void TlsStream::shake_hands(OnHandshake on_handshake) {
  on_handshake_ = std::move(on_handshake);
  carrier_->listen(*this);
  wake_soon();
}

void TlsStream::keep_sessions(SessionCache& sessions, const std::string& name) {
  sessions_ = &sessions;
  session_name_ = name;
}

int TlsStream::on_new_session(SSL* ssl, SSL_SESSION* session) {
  auto* stream = static_cast<TlsStream*>(SSL_get_ex_data(ssl, stream_index()));
  if (stream == nullptr || stream->sessions_ == nullptr) return 0;
  stream->sessions_->state().put(stream->session_name_, SSL_get_SSL_CTX(ssl),
                                 bssl::UniquePtr<SSL_SESSION>(session));
  return 1;  // ours now
}

void TlsStream::wake_soon() {
  if (!wake_) wake_ = std::make_unique<net::Timer>(carrier_->loop());
  if (!wake_->is_armed()) wake_->once(Duration::zero(), [this] { pump(); });
}

void TlsStream::listen(net::Stream::Events& events) {
  events_ = &events;
  if (pauses_ == 0) {
    for (const net::Pause each : all_pauses) carrier_->resume(each);
  }
  wake_soon();  // for what has come already
}

void TlsStream::pause(net::Pause reason) {
  pauses_ = static_cast<uint8_t>(pauses_ | static_cast<uint8_t>(reason));
  carrier_->pause(reason);
}

void TlsStream::resume(net::Pause reason) {
  pauses_ = static_cast<uint8_t>(pauses_ & ~static_cast<uint8_t>(reason));
  if (pauses_ != 0) return;
  if (!held_.empty() || carrier_has_ended_ || has_ended_ || SSL_pending(ssl_.get()) > 0)
    wake_soon();
  for (const net::Pause each : all_pauses) carrier_->resume(each);
}

void TlsStream::on_read(std::span<char> bytes) {
  incoming_ = {bytes.data(), bytes.size()};
  if (!pump()) return;
  if (incoming_.empty()) return;
  if (has_ended_ || phase_ == Phase::failed) {
    incoming_ = {};
    return;
  }
  held_ += incoming_;
  incoming_ = {};
  if (pauses_ == 0) carrier_->pause(net::Pause::owner);  // until somebody listens
}

bool TlsStream::pump() {
  if (phase_ == Phase::shaking && !pump_handshake()) return false;
  if (phase_ == Phase::open && !pump_reading()) return false;
  flush();
  if (events_ == nullptr || pauses_ != 0) return true;
  if (phase_ == Phase::failed && !tell_failure()) return false;
  return true;
}

bool TlsStream::pump_handshake() {
  if (!on_handshake_) return true;  // has failed
  ERR_clear_error();
  const int outcome = SSL_do_handshake(ssl_.get());
  const int kind = SSL_get_error(ssl_.get(), outcome);
  if (outcome == 1) {
    phase_ = Phase::open;
  } else if (kind != SSL_ERROR_WANT_READ) {
    fail(reason_of_failure());
  } else if (carrier_has_ended_) {
    fail({.fault = Fault::closed, .side = peer_side_, .detail = "ended during the TLS handshake"});
  } else {
    flush();
    return true;
  }
  flush();  // the last flight, or an alert that says why not
  bool is_gone = false;
  is_gone_ = &is_gone;
  const OnHandshake callback = std::move(on_handshake_);
  on_handshake_ = nullptr;
  const Error error = error_;
  callback(phase_ == Phase::open ? nullptr : &error);
  if (is_gone) return false;
  is_gone_ = nullptr;
  return true;
}

bool TlsStream::pump_reading() {
  bool is_gone = false;
  while (events_ != nullptr && pauses_ == 0 && !has_ended_) {
    Scratch& mine = scratch();
    ERR_clear_error();
    const int count = SSL_read(ssl_.get(), mine.plain.data(), static_cast<int>(mine.plain.size()));
    if (count > 0) {
      is_gone_ = &is_gone;
      events_->on_read({mine.plain.data(), static_cast<size_t>(count)});
      if (is_gone) return false;
      is_gone_ = nullptr;
      if (phase_ != Phase::open) return true;
      continue;
    }
    const int kind = SSL_get_error(ssl_.get(), count);
    if (kind == SSL_ERROR_ZERO_RETURN) {
      has_ended_ = true;
    } else if (kind != SSL_ERROR_WANT_READ) {
      fail(reason_of_failure());
      return true;
    } else {
      break;
    }
  }
  if (events_ == nullptr || pauses_ != 0) return true;
  if (has_ended_) return tell_end();
  if (carrier_has_ended_)
    fail({.fault = Fault::closed, .side = peer_side_, .detail = "ended without close_notify"});
  return true;
}

bool TlsStream::tell_end() {
  if (std::exchange(end_is_told_, true)) return true;
  flush();
  bool is_gone = false;
  is_gone_ = &is_gone;
  events_->on_end();
  if (is_gone) return false;
  is_gone_ = nullptr;
  return true;
}

bool TlsStream::tell_failure() {
  if (std::exchange(failure_is_told_, true)) return true;
  bool is_gone = false;
  is_gone_ = &is_gone;
  const Error error = error_;
  events_->on_failure(error);
  if (is_gone) return false;
  is_gone_ = nullptr;
  return true;
}

void TlsStream::fail(Error error) {
  if (phase_ == Phase::failed) return;
  phase_ = Phase::failed;
  error_ = std::move(error);
}

Error TlsStream::reason_of_failure() const {
  const uint32_t code = ERR_peek_error();
  const long verified = SSL_get_verify_result(ssl_.get());
  Error error{.fault = Fault::protocol,
              .side = peer_side_,
              .detail = std::string(words_of(trouble_of_library(code, verified)))};
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  error.detail += reason == nullptr ? "failed" : reason;
  if (verified != X509_V_OK)
    error.detail += std::string(" (") + X509_verify_cert_error_string(verified) + ")";
  ERR_clear_error();
  return error;
}

void TlsStream::on_end() {
  carrier_has_ended_ = true;
  pump();
}

void TlsStream::on_failure(const Error& error) {
  const bool was_shaking = phase_ == Phase::shaking;
  fail(error);
  if (was_shaking) {
    if (!on_handshake_) return;
    const OnHandshake callback = std::move(on_handshake_);
    const Error copy = error_;
    return callback(&copy);
  }
  if (events_ != nullptr) tell_failure();
}

void TlsStream::on_drained() {
  if (events_ != nullptr && phase_ == Phase::open) events_->on_drained();
}

void TlsStream::seal(std::string_view bytes) {
  while (!bytes.empty() && phase_ == Phase::open) {
    const size_t count = std::min(bytes.size(), record_bytes);
    ERR_clear_error();
    const int written = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(count));
    if (written <= 0) {
      fail(reason_of_failure());
      return wake_soon();
    }
    bytes.remove_prefix(static_cast<size_t>(written));
    if (scratch().sealed.size() >= flush_bytes) flush();
  }
}

void TlsStream::write(std::span<const std::string_view> pieces) {
  DCHECK(phase_ != Phase::shaking && !wants_fin_);
  if (phase_ != Phase::open || wants_fin_) return;
  Scratch& mine = scratch();
  size_t gathered = 0;
  for (std::string_view piece : pieces) {
    while (!piece.empty()) {
      if (gathered == 0 && piece.size() >= record_bytes) {
        seal(piece.substr(0, record_bytes));
        piece.remove_prefix(record_bytes);
        continue;
      }
      const size_t count = std::min(piece.size(), record_bytes - gathered);
      std::memcpy(mine.gather.data() + gathered, piece.data(), count);
      gathered += count;
      piece.remove_prefix(count);
      if (gathered < record_bytes) continue;
      seal({mine.gather.data(), std::exchange(gathered, 0)});
    }
  }
  seal({mine.gather.data(), gathered});
  flush();
}

void TlsStream::flush() {
  std::string& sealed = scratch().sealed;
  if (sealed.empty()) return;
  carrier_->write(sealed);
  sealed.clear();
}

void TlsStream::shutdown() {
  if (wants_fin_ || phase_ != Phase::open) return;
  wants_fin_ = true;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
  flush();
  carrier_->shutdown();
}

void TlsStream::abort_on_close() {
  is_aborting_ = true;
  carrier_->abort_on_close();
}

}  // namespace causeway::tls

#pragma once

// Internal to lib/tls.

#include <functional>
#include <memory>
#include <string>

#include <openssl/ssl.h>

#include "net/stream.h"
#include "net/timer.h"
#include "tls/handshake.h"

namespace causeway::tls {

// TLS over another stream: the engine of a handshake and of the stream that comes of it.
// Records are read where the carrier put them; only what comes while nobody reads is copied. What
// is written is sealed at once and given to the carrier, which queues. Owner: its handshake, then
// as Stream. Thread: its loop's.
class TlsStream final : public net::Stream, net::Stream::Events {
 public:
  using OnHandshake = std::function<void(const Error*)>;

  TlsStream(std::unique_ptr<net::Stream> carrier, bssl::UniquePtr<SSL> ssl, Side peer_side);
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;
  ~TlsStream() override;

  // Tells of its end once, from a callback of the loop.
  void shake_hands(OnHandshake on_handshake);
  // Bytes that the peer had sent before this object was there. Before the loop goes on.
  void take_first(std::string_view bytes) { held_ = bytes; }
  // Sessions that the server offers go there from now on.
  void keep_sessions(SessionCache& sessions, const std::string& name);
  static int on_new_session(SSL* ssl, SSL_SESSION* session);
  const SSL* ssl() const { return ssl_.get(); }

  using Stream::write;
  void listen(net::Stream::Events& events) override;
  void pause(net::Pause reason) override;
  void resume(net::Pause reason) override;
  void write(std::span<const std::string_view> pieces) override;
  size_t queued_bytes() const override { return carrier_->queued_bytes(); }
  void watermarks(size_t high) override { carrier_->watermarks(high); }
  size_t high_mark() const override { return carrier_->high_mark(); }
  void shutdown() override;
  void abort_on_close() override;
  const net::Address& peer() const override { return carrier_->peer(); }
  const net::Address& local() const override { return carrier_->local(); }
  net::Loop& loop() override { return carrier_->loop(); }
  int descriptor() const override { return carrier_->descriptor(); }

 private:
  enum class Phase : uint8_t { shaking, open, failed };
  struct CarrierBio;  // BIO callbacks

  void on_read(std::span<char> bytes) override;
  void on_end() override;
  void on_failure(const Error& error) override;
  void on_drained() override;

  // Goes on with whatever can go on. Answers false when this object is gone.
  bool pump();
  bool pump_handshake();
  bool pump_reading();
  bool tell_end();
  bool tell_failure();
  void fail(Error error);
  Error reason_of_failure() const;
  void seal(std::string_view bytes);
  void flush();
  void wake_soon();

  std::unique_ptr<net::Stream> carrier_;
  bssl::UniquePtr<SSL> ssl_;
  net::Stream::Events* events_ = nullptr;
  OnHandshake on_handshake_;
  SessionCache* sessions_ = nullptr;
  std::string session_name_;
  std::unique_ptr<net::Timer> wake_;  // made when first needed
  std::string held_;                  // records that came while nobody read
  std::string_view incoming_;         // those of the present on_read()
  Error error_;
  Side peer_side_;
  Phase phase_ = Phase::shaking;
  uint8_t pauses_ = 0;
  bool carrier_has_ended_ = false;
  bool has_ended_ = false;  // close_notify came
  bool end_is_told_ = false;
  bool failure_is_told_ = false;
  bool wants_fin_ = false;
  bool is_aborting_ = false;
  bool* is_gone_ = nullptr;  // of the outermost call that tells
};

}  // namespace causeway::tls

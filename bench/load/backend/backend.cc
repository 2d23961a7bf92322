#include "bench/load/backend/backend.h"

#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "bench/load/backend/backend_connection.h"
#include "bench/load/backend/backend_http2.h"
#include "net/loop.h"
#include "net/mailbox.h"
#include "net/tcp.h"
#include "tls/handshake.h"

namespace causeway::load {

// One thread of a backend. Owner: its Backend, which starts the thread and joins it. Thread: its
// own in run().
class BackendWorker final : BackendOwner {
 public:
  BackendWorker(const BackendOptions& options, unsigned index);
  Result<net::Address> listen(const net::Address& address, bool share_port);
  void run();
  void stop() { CHECK(stops_.post(0)); }

  uint64_t connections() const { return accepted_.load(std::memory_order_relaxed); }
  uint64_t requests() const { return requests_.load(std::memory_order_relaxed); }

 private:
  void accept(std::unique_ptr<net::Stream> stream);
  void shake_hands(std::unique_ptr<net::Stream> stream);
  void serve(std::unique_ptr<net::Stream> stream);
  void release(BackendClient& client) override;
  void turn_to_http2(BackendClient& client, std::unique_ptr<net::Stream> stream,
                     std::string first) override;
  void adopt(std::unique_ptr<BackendClient> client);
  void count_request() override {
    requests_.store(requests_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  const BackendOptions options_;
  net::Loop loop_;
  net::Mailbox<int> stops_;
  BackendConnection::Shared shared_;
  std::unique_ptr<net::Listener> listener_;
  std::vector<std::unique_ptr<BackendClient>> clients_;
  std::unordered_map<uint64_t, std::unique_ptr<tls::Handshake>> handshakes_;
  uint64_t next_handshake_ = 0;
  std::atomic<uint64_t> accepted_{0}, requests_{0};
};

BackendWorker::BackendWorker(const BackendOptions& options, unsigned index)
    : options_(options),
      stops_(loop_, 4, [this](int&&) { loop_.stop(); }),
      shared_{loop_, options_, Rng(options.seed + index), {}} {
  constexpr uint64_t prepared_bytes_max = 64u << 10;
  const bool is_fixed =
      options.bytes_min == options.bytes_max && options.delay_max <= Duration::zero();
  if (!is_fixed || options.bytes_max > prepared_bytes_max) return;
  const auto bytes = static_cast<size_t>(options.bytes_max);
  shared_.standard_reply =
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(bytes) +
      "\r\n\r\n" + std::string(bytes, 'x');
}

Result<net::Address> BackendWorker::listen(const net::Address& address, bool share_port) {
  auto opened = net::Listener::open(
      loop_, address, {.reuse_port = share_port},
      [this](std::unique_ptr<net::Stream> stream) { accept(std::move(stream)); });
  if (!opened) return opened.error();
  listener_ = std::move(opened).value();
  return listener_->address();
}

void BackendWorker::run() {
  loop_.run();
  listener_.reset();
  handshakes_.clear();
  clients_.clear();
}

void BackendWorker::accept(std::unique_ptr<net::Stream> stream) {
  accepted_.store(accepted_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  if (options_.tls) return shake_hands(std::move(stream));
  serve(std::move(stream));
}

void BackendWorker::shake_hands(std::unique_ptr<net::Stream> stream) {
  const uint64_t number = next_handshake_++;
  handshakes_[number] = tls::Handshake::accept(
      std::move(stream), *options_.tls, {}, [this, number](Result<tls::Secured> secured) {
        const auto handshake = std::move(handshakes_[number]);
        handshakes_.erase(number);
        if (!secured) return;
        if (secured->protocol != "h2") return serve(std::move(secured->stream));
        BackendOwner& me = *this;
        adopt(std::make_unique<BackendHttp2>(shared_, me, std::move(secured->stream), ""));
      });
}

void BackendWorker::serve(std::unique_ptr<net::Stream> stream) {
  BackendOwner& me = *this;
  adopt(std::make_unique<BackendConnection>(shared_, me, std::move(stream)));
}

void BackendWorker::adopt(std::unique_ptr<BackendClient> client) {
  clients_.push_back(std::move(client));
  clients_.back()->index = clients_.size() - 1;
}

void BackendWorker::release(BackendClient& client) {
  const size_t index = client.index;
  CHECK(index < clients_.size() && clients_[index].get() == &client);
  std::swap(clients_[index], clients_.back());
  clients_[index]->index = index;
  loop_.bury(std::move(clients_.back()));
  clients_.pop_back();
}

void BackendWorker::turn_to_http2(BackendClient& client, std::unique_ptr<net::Stream> stream,
                                  std::string first) {
  release(client);
  BackendOwner& me = *this;
  adopt(std::make_unique<BackendHttp2>(shared_, me, std::move(stream), std::move(first)));
}

Result<std::unique_ptr<Backend>> Backend::start(const BackendOptions& options) {
  CHECK(options.threads > 0 && options.bytes_min <= options.bytes_max &&
        options.delay_min <= options.delay_max);
  std::unique_ptr<Backend> backend(new Backend);
  backend->address_ = options.listen;
  for (unsigned i = 0; i < options.threads; ++i) {
    backend->workers_.push_back(std::make_unique<BackendWorker>(options, i));
    const auto address = backend->workers_.back()->listen(backend->address_, options.threads > 1);
    if (!address) return address.error();
    backend->address_ = *address;
  }
  for (const auto& worker : backend->workers_)
    backend->threads_.emplace_back([&worker] { worker->run(); });
  return backend;
}

Backend::~Backend() {
  if (threads_.empty()) return;
  for (const auto& worker : workers_) worker->stop();
  for (std::thread& thread : threads_) thread.join();
}

uint64_t Backend::connections() const {
  uint64_t sum = 0;
  for (const auto& worker : workers_) sum += worker->connections();
  return sum;
}

uint64_t Backend::requests() const {
  uint64_t sum = 0;
  for (const auto& worker : workers_) sum += worker->requests();
  return sum;
}

}  // namespace causeway::load

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "net/loop.h"
#include "net/tcp.h"
#include "net/tcp_stream.h"
#include "net/timer.h"

namespace causeway::net {

namespace {

// Nothing can have been sent on a connection that never was: another attempt is always safe.
Error connect_error(Fault fault, int os) {
  return Error{.fault = fault, .side = Side::backend, .retry = Retry::always, .os = os};
}

class TcpConnector final : public Connector {
 public:
  TcpConnector(Loop& loop, const Address& address, Options options, OnConnected on_connected)
      : loop_(loop),
        core_(LoopCore::of(loop)),
        address_(address),
        options_(options),
        on_connected_(std::move(on_connected)),
        deadline_(loop),
        failure_([](void* self) { static_cast<TcpConnector*>(self)->fail_at_once(); }, this) {
    block_ = TcpStream::make_block(core_);
    block_->handle.data = this;
    const int status =
        uv_tcp_connect(&block_->connect, &block_->handle, address_.socket_address(), on_connect);
    if (status != 0) {
      failure_os_ = -status;
      core_.owed.push_back(failure_);
      return;
    }
    if (options_.timeout > Duration::zero()) {
      deadline_.once(options_.timeout, [this] { finish(connect_error(Fault::timeout, 0)); });
    }
  }
  TcpConnector(const TcpConnector&) = delete;
  TcpConnector& operator=(const TcpConnector&) = delete;
  ~TcpConnector() override {
    loop_.check_thread();
    if (block_ != nullptr) TcpStream::close_block(block_);
  }

 private:
  static void on_connect(uv_connect_t* request, int status) {
    auto* connector = static_cast<TcpConnector*>(request->handle->data);
    if (connector == nullptr) return;  // cancelled
    if (status != 0) {
      return connector->finish(connect_error(fault_of_errno(-status), -status));
    }
    connector->set_options();
    TcpBlock* block = std::exchange(connector->block_, nullptr);
    connector->finish(std::unique_ptr<Stream>(
        std::make_unique<TcpStream>(connector->loop_, block, connector->address_, Side::backend)));
  }

  void fail_at_once() { finish(connect_error(fault_of_errno(failure_os_), failure_os_)); }

  void set_options() {
    if (options_.no_delay) uv_tcp_nodelay(&block_->handle, 1);
    if (options_.keep_alive_probe <= Duration::zero()) return;
    int descriptor = -1;
    if (uv_fileno(as_handle(&block_->handle), &descriptor) != 0) return;
    const int on = 1;
    const auto whole = std::chrono::ceil<std::chrono::seconds>(options_.keep_alive_probe).count();
    const int seconds = static_cast<int>(std::min<int64_t>(whole, 32767));  // the kernel's limit
    ::setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof seconds);
  }

  // The owner may end this object in its callback: nothing is touched afterwards.
  void finish(Result<std::unique_ptr<Stream>> result) {
    deadline_.disarm();
    if (block_ != nullptr) TcpStream::close_block(std::exchange(block_, nullptr));
    OnConnected callback = std::move(on_connected_);
    callback(std::move(result));
  }

  Loop& loop_;
  LoopCore& core_;
  TcpBlock* block_;
  Address address_;
  Options options_;
  OnConnected on_connected_;
  Timer deadline_;
  Owed failure_;
  int failure_os_ = 0;
};

}  // namespace

std::unique_ptr<Connector> Connector::start(Loop& loop, const Address& address, Options options,
                                            OnConnected on_connected) {
  loop.check_thread();
  return std::make_unique<TcpConnector>(loop, address, options, std::move(on_connected));
}

}  // namespace causeway::net

#include <fcntl.h>
#include <linux/filter.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>
#include <utility>

#include "net/loop.h"
#include "net/tcp.h"
#include "net/tcp_stream.h"
#include "net/timer.h"

namespace causeway::net {

namespace {

// Connections accepted per event before others get their turn.
constexpr int accepts_per_turn_max = 32;
// How long a listener rests when the process has no descriptor or memory left. The clients wait in
// the kernel.
constexpr Duration accept_rest = std::chrono::milliseconds(100);

// A listening socket watched by a poll handle. Not libuv's own TCP listener: out of descriptors,
// that one accepts and closes everybody who waits.
struct ListenBlock {
  uv_poll_t handle;
  Listener::OnAccept on_accept;
  std::function<void(const Error&)> on_failed;
};

class PollListener final : public Listener {
 public:
  PollListener(Loop& loop, ListeningSocket socket, Options options, OnAccept on_accept)
      : loop_(loop), core_(LoopCore::of(loop)), socket_(std::move(socket)), rest_(loop) {
    block_ = std::make_unique<ListenBlock>().release();
    CHECK(uv_poll_init(&core_.loop, &block_->handle, socket_.descriptor()) == 0);
    block_->handle.data = this;
    block_->on_accept = std::move(on_accept);
    block_->on_failed = std::move(options.on_failed);
    watch();
  }
  PollListener(const PollListener&) = delete;
  PollListener& operator=(const PollListener&) = delete;
  ~PollListener() override { close(); }

  const Address& address() const override { return socket_.address(); }
  Result<ListeningSocket> duplicate() const override {
    if (block_ == nullptr) return Error{.fault = Fault::closed, .side = Side::self};
    return socket_.duplicate();
  }
  uint64_t accept_rests() const override { return rests_; }

  void refuse_new() override {
    loop_.check_thread();
    if (block_ == nullptr) return;
    // The listener's filter sees the TCP header: drops what has SYN set, lets through what
    // completes a handshake. Where filters are not to be had, clients are refused by drain() alone.
    sock_filter drop_syn[] = {
        {BPF_LD | BPF_B | BPF_ABS, 0, 0, 13},      // the byte of flags
        {BPF_JMP | BPF_JSET | BPF_K, 0, 1, 0x02},  // SYN?
        {BPF_RET | BPF_K, 0, 0, 0},                // drop
        {BPF_RET | BPF_K, 0, 0, 0xffff},           // pass
    };
    const sock_fprog program{static_cast<unsigned short>(std::size(drop_syn)), drop_syn};
    ::setsockopt(socket_.descriptor(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
  }

  void drain() override {
    loop_.check_thread();
    ListenBlock* const block = block_;
    if (block == nullptr) return;
    rest_.disarm();
    while (accept_one() == Next::more) {
      if (block->handle.data == nullptr) return;
    }
    close();
  }

 private:
  enum class Next : uint8_t { more, empty, exhausted, broken };

  static void on_event(uv_poll_t* handle, int status, int) {
    auto* block = reinterpret_cast<ListenBlock*>(handle);
    for (int count = 0; count < accepts_per_turn_max; ++count) {
      auto* listener = static_cast<PollListener*>(block->handle.data);
      if (listener == nullptr) return;  // ended or drained by its own callback
      const Next next = status < 0 ? Next::broken : listener->accept_one();
      if (next == Next::empty) return;
      if (next == Next::broken && block->on_failed != nullptr)
        return listener->fail(status < 0 ? -status : errno);
      if (next != Next::more) return listener->rest();
    }
  }

  void watch() { CHECK(uv_poll_start(&block_->handle, UV_READABLE, on_event) == 0); }

  void rest() {
    ++rests_;
    uv_poll_stop(&block_->handle);
    rest_.once(accept_rest, [this] { watch(); });
  }

  // Touches nothing of the listener after on_failed: it may be gone.
  void fail(int os) {
    const auto on_failed = std::move(block_->on_failed);
    close();
    on_failed({.fault = fault_of_errno(os),
               .side = Side::self,
               .os = os,
               .detail = "accept on " + socket_.address().to_string()});
  }

  // Touches nothing of the listener after on_accept: it may be gone.
  Next accept_one() {
    sockaddr_storage name{};
    socklen_t length = sizeof name;
    const int descriptor = ::accept4(socket_.descriptor(), reinterpret_cast<sockaddr*>(&name),
                                     &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) return next_after(errno);
    TcpBlock* tcp = TcpStream::make_block(core_);
    if (uv_tcp_open(&tcp->handle, descriptor) != 0) {
      ::close(descriptor);
      TcpStream::close_block(tcp);
      return Next::more;
    }
    const Address peer = Address::from(reinterpret_cast<const sockaddr*>(&name));
    block_->on_accept(std::make_unique<TcpStream>(loop_, tcp, peer, Side::client));
    return Next::more;
  }

  static Next next_after(int os) {
    switch (os) {
      case EAGAIN:
        return Next::empty;
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        return Next::exhausted;
      case EBADF:
      case EINVAL:
      case ENOTSOCK:
      case EOPNOTSUPP:
        return Next::broken;
      default:
        return Next::more;  // that client has gone already (accept(2): treat network errors like
                            // EAGAIN)
    }
  }

  void close() {
    loop_.check_thread();
    if (block_ == nullptr) return;
    rest_.disarm();
    block_->handle.data = nullptr;
    uv_close(as_handle(&block_->handle), [](uv_handle_t* handle) {
      std::unique_ptr<ListenBlock>(reinterpret_cast<ListenBlock*>(handle));
    });
    block_ = nullptr;
    // libuv has taken it out of the loop's epoll set already: another process may share it.
    ::close(socket_.release());
  }

  Loop& loop_;
  LoopCore& core_;
  ListenBlock* block_;
  ListeningSocket socket_;
  Timer rest_;
  uint64_t rests_ = 0;
};

}  // namespace

Result<std::unique_ptr<Listener>> Listener::open(Loop& loop, const Address& address,
                                                 Options options, OnAccept on_accept) {
  auto socket = ListeningSocket::open(
      address,
      {.reuse_port = options.reuse_port, .backlog = options.backlog, .no_delay = options.no_delay});
  if (!socket) return std::move(socket).error();
  return open(loop, *std::move(socket), std::move(options), std::move(on_accept));
}

std::unique_ptr<Listener> Listener::open(Loop& loop, ListeningSocket socket, Options options,
                                         OnAccept on_accept) {
  loop.check_thread();
  CHECK(socket.is_open());
  return std::make_unique<PollListener>(loop, std::move(socket), std::move(options),
                                        std::move(on_accept));
}

Result<std::unique_ptr<Listener>> Listener::open(Loop& loop, const Address& address,
                                                 OnAccept on_accept) {
  return open(loop, address, Options{}, std::move(on_accept));
}

}  // namespace causeway::net

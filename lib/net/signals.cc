#include "net/signals.h"

#include <csignal>
#include <utility>

#include "base/check.h"
#include "net/loop.h"
#include "net/loop_core.h"

namespace causeway::net {

struct SignalWatch::Block {
  uv_signal_t handle;
  std::function<void()> callback;
};

SignalWatch::SignalWatch(Loop& loop, int signal, std::function<void()> callback)
    : block_(std::make_unique<Block>().release()) {
  loop.check_thread();
  CHECK(uv_signal_init(loop.raw(), &block_->handle) == 0);
  block_->handle.data = this;
  block_->callback = std::move(callback);
  const int status = uv_signal_start(
      &block_->handle,
      [](uv_signal_t* handle, int) {
        if (handle->data != nullptr) reinterpret_cast<Block*>(handle)->callback();
      },
      signal);
  CHECK(status == 0);
}

SignalWatch::~SignalWatch() {
  block_->handle.data = nullptr;
  uv_close(as_handle(&block_->handle),
           [](uv_handle_t* handle) { std::unique_ptr<Block>(reinterpret_cast<Block*>(handle)); });
}

void ignore_sigpipe() { std::signal(SIGPIPE, SIG_IGN); }

}  // namespace causeway::net

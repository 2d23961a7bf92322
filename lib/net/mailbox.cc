#include "net/mailbox.h"

#include "base/check.h"
#include "net/loop.h"
#include "net/loop_core.h"

namespace causeway::net {

struct Waker::Block {
  uv_async_t handle;
  std::function<void()> on_wake;
};

Waker::Waker(Loop& loop, std::function<void()> on_wake)
    : block_(std::make_unique<Block>().release()) {
  loop.check_thread();
  const int status = uv_async_init(loop.raw(), &block_->handle, [](uv_async_t* handle) {
    if (handle->data != nullptr) reinterpret_cast<Block*>(handle)->on_wake();
  });
  CHECK(status == 0);
  block_->handle.data = this;
  block_->on_wake = std::move(on_wake);
}

Waker::~Waker() {
  block_->handle.data = nullptr;
  uv_close(as_handle(&block_->handle),
           [](uv_handle_t* handle) { std::unique_ptr<Block>(reinterpret_cast<Block*>(handle)); });
}

void Waker::wake() { uv_async_send(&block_->handle); }

void Waker::unref() { uv_unref(as_handle(&block_->handle)); }

}  // namespace causeway::net

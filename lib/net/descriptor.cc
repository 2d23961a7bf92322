#include "net/descriptor.h"

#include <memory>
#include <utility>

#include "base/check.h"
#include "net/loop.h"
#include "net/loop_core.h"

namespace causeway::net {

struct DescriptorWatch::Block {
  uv_poll_t handle;
  std::function<void()> on_readable;

  static void on_closed(uv_handle_t* handle) {
    std::unique_ptr<Block>{reinterpret_cast<Block*>(handle)};
  }
  static void on_ready(uv_poll_t* handle, int, int) {
    if (handle->data == nullptr) return;
    // A failure shows as readable: the owner's read finds it. The block, and the callback in it,
    // outlives a watch that ends in here.
    reinterpret_cast<Block*>(handle)->on_readable();
  }
};

DescriptorWatch::DescriptorWatch(Loop& loop, int descriptor, std::function<void()> on_readable) {
  loop.check_thread();
  CHECK(descriptor >= 0 && on_readable != nullptr);
  block_ = std::make_unique<Block>().release();
  block_->on_readable = std::move(on_readable);
  CHECK(uv_poll_init(&LoopCore::of(loop).loop, &block_->handle, descriptor) == 0);
  block_->handle.data = this;
  CHECK(uv_poll_start(&block_->handle, UV_READABLE, &Block::on_ready) == 0);
}

DescriptorWatch::~DescriptorWatch() {
  block_->handle.data = nullptr;
  uv_poll_stop(&block_->handle);
  uv_close(as_handle(&block_->handle), &Block::on_closed);
}

}  // namespace causeway::net

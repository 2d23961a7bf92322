#include "redis/reply_reader.h"

#include <utility>

#include <hiredis/read.h>

#include "base/check.h"

namespace causeway::redis {
namespace {

// An array that claims more is not an answer to anything we ask; SCAN, HGETALL and the like stay
// far below.
constexpr int array_items_max = 16 * 1024 * 1024;

// The place of a value under construction: in its parent's array, or the root. Parents are sized
// when they begin, so that places stay where they are.
Value* place_of(const redisReadTask* task) {
  if (task->parent == nullptr) return static_cast<Value*>(task->privdata);
  return &static_cast<Value*>(task->parent->obj)->items[static_cast<size_t>(task->idx)];
}

void* create_string(const redisReadTask* task, char* bytes, size_t length) {
  Value* value = place_of(task);
  value->kind = task->type == REDIS_REPLY_ERROR    ? Kind::error
                : task->type == REDIS_REPLY_STATUS ? Kind::status
                                                   : Kind::string;
  value->text.assign(bytes, length);
  return value;
}

void* create_array(const redisReadTask* task, int elements) {
  if (elements > array_items_max) return nullptr;
  Value* value = place_of(task);
  value->kind = Kind::array;
  value->items.resize(static_cast<size_t>(elements));
  return value;
}

void* create_integer(const redisReadTask* task, long long integer) {
  Value* value = place_of(task);
  value->kind = Kind::integer;
  value->integer = integer;
  return value;
}

void* create_nil(const redisReadTask* task) {
  Value* value = place_of(task);
  value->kind = Kind::nil;
  return value;
}

// Called for the root only, which the State owns.
void drop_value(void* value) { *static_cast<Value*>(value) = Value{}; }

redisReplyObjectFunctions value_functions = {create_string, create_array, create_integer,
                                             create_nil, drop_value};

struct FreeReader {
  void operator()(redisReader* reader) const { redisReaderFree(reader); }
};

}  // namespace

struct ReplyReader::State {
  Value root;  // before the reader, which may drop it in its end
  std::unique_ptr<redisReader, FreeReader> reader{redisReaderCreateWithFunctions(&value_functions)};
};

ReplyReader::ReplyReader() : state_(std::make_unique<State>()) {
  CHECK(state_->reader != nullptr);
  state_->reader->privdata = &state_->root;
}

ReplyReader::~ReplyReader() = default;

void ReplyReader::feed(std::string_view bytes) {
  // Its one failure, no memory, shows in next().
  (void)redisReaderFeed(state_->reader.get(), bytes.data(), bytes.size());
}

Result<std::optional<Value>> ReplyReader::next() {
  void* reply = nullptr;
  if (redisReaderGetReply(state_->reader.get(), &reply) != REDIS_OK) {
    return Error{.fault = Fault::protocol, .side = Side::backend, .detail = state_->reader->errstr};
  }
  if (reply == nullptr) return std::optional<Value>();
  return std::optional<Value>(std::exchange(state_->root, Value{}));
}

}  // namespace causeway::redis

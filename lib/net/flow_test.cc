// Backpressure, and many exchanges spliced through a relay whose parts die at random.

#include <algorithm>
#include <cstring>

#include "base/rng.h"
#include "net/loopback_test.h"

namespace causeway::net {

using loopback::Pair;
using loopback::RawPair;
using loopback::run_until;

namespace {

// Bytes that show when one is lost, doubled or out of order.
std::string pattern(size_t size, uint64_t seed) {
  Rng rng(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(rng.next());
  return bytes;
}

class Splice;

// One direction's end: what it reads goes to the other.
struct SpliceEnd : Stream::Events {
  void on_read(std::span<char> bytes) override;
  void on_end() override;
  void on_failure(const Error& error) override;
  void on_drained() override;

  Splice* splice = nullptr;
  SpliceEnd* other = nullptr;
  std::unique_ptr<Stream> stream;
  bool has_ended = false;
};

// Where splices live; the tests look here.
struct SpliceYard {
  SpliceYard(Loop& runs_on, Address leads_to, uint64_t seed)
      : loop(runs_on), target(leads_to), rng(seed) {}
  void adopt(std::unique_ptr<Stream> client);
  void end(Splice& splice);

  Loop& loop;
  Address target;
  Rng rng;
  uint64_t kill_one_in = 0;  // 0: never
  size_t killed = 0;
  size_t queued_max = 0;
  std::vector<std::unique_ptr<Splice>> splices;
};

// A client, a backend, and the bytes between them. Owner: SpliceYard.
class Splice {
 public:
  Splice(SpliceYard& yard, std::unique_ptr<Stream> client) : yard_(yard) {
    client_.splice = backend_.splice = this;
    client_.other = &backend_;
    backend_.other = &client_;
    client_.stream = std::move(client);
    connector_ = Connector::start(yard.loop, yard.target, {.timeout = loopback::patience},
                                  [this](Result<std::unique_ptr<Stream>> connected) {
                                    if (!connected) return yard_.end(*this);
                                    backend_.stream = std::move(connected).value();
                                    backend_.stream->listen(backend_);
                                    client_.stream->listen(client_);
                                  });
  }

  // Sometimes says that it is time to die, in the middle of a callback.
  bool dies_now() {
    if (yard_.kill_one_in == 0 || yard_.rng.below(yard_.kill_one_in) != 0) return false;
    ++yard_.killed;
    if (yard_.rng.below(2) == 0) client_.stream->abort_on_close();
    yard_.end(*this);
    return true;
  }
  void forward(SpliceEnd& to, SpliceEnd& from, std::string_view bytes) {
    to.stream->write(bytes);
    yard_.queued_max = std::max(yard_.queued_max, to.stream->queued_bytes());
    if (to.stream->is_full()) from.stream->pause(Pause::peer_full);
  }
  void end() { yard_.end(*this); }
  // Closes at once what could still call back; what is left may be buried.
  void detach() {
    connector_.reset();
    client_.stream.reset();
    backend_.stream.reset();
  }

 private:
  SpliceYard& yard_;
  SpliceEnd client_, backend_;
  std::unique_ptr<Connector> connector_;
};

void SpliceEnd::on_read(std::span<char> bytes) {
  if (splice->dies_now()) return;
  splice->forward(*other, *this, {bytes.data(), bytes.size()});
}
void SpliceEnd::on_end() {
  has_ended = true;
  if (splice->dies_now()) return;
  other->stream->shutdown();
  if (other->has_ended && other->stream->queued_bytes() == 0 && stream->queued_bytes() == 0)
    splice->end();
}
void SpliceEnd::on_failure(const Error&) { splice->end(); }
void SpliceEnd::on_drained() {
  if (splice->dies_now()) return;
  other->stream->resume(Pause::peer_full);
}

void SpliceYard::adopt(std::unique_ptr<Stream> client) {
  splices.push_back(std::make_unique<Splice>(*this, std::move(client)));
}
void SpliceYard::end(Splice& splice) {
  const auto found = std::find_if(splices.begin(), splices.end(),
                                  [&](const auto& owned) { return owned.get() == &splice; });
  if (found == splices.end()) return;
  splice.detach();
  loop.bury(std::move(*found));
  splices.erase(found);
}

// Sends back what it reads, half-closes after the peer.
struct EchoServer {
  struct Connection final : Stream::Events {
    void on_read(std::span<char> bytes) override {
      stream->write({bytes.data(), bytes.size()});
      if (stream->is_full()) stream->pause(Pause::peer_full);
    }
    void on_drained() override { stream->resume(Pause::peer_full); }
    void on_end() override { stream->shutdown(); }
    void on_failure(const Error&) override {}
    std::unique_ptr<Stream> stream;
  };
  explicit EchoServer(Loop& loop) {
    auto opened =
        Listener::open(loop, Address::loopback(0), [this](std::unique_ptr<Stream> stream) {
          connections.push_back(std::make_unique<Connection>());
          connections.back()->stream = std::move(stream);
          connections.back()->stream->listen(*connections.back());
        });
    listener = std::move(opened).value();
  }
  std::unique_ptr<Listener> listener;
  std::vector<std::unique_ptr<Connection>> connections;
};

// Sends a body and wants the same back.
struct EchoClient final : Stream::Events {
  EchoClient(Loop& loop, const Address& address, std::string to_send) : body(std::move(to_send)) {
    connector = Connector::start(loop, address, {.timeout = loopback::patience},
                                 [this](Result<std::unique_ptr<Stream>> connected) {
                                   if (!connected) {
                                     is_over = true;
                                     return;
                                   }
                                   stream = std::move(connected).value();
                                   stream->listen(*this);
                                   stream->write(body);
                                   stream->shutdown();
                                 });
  }
  void on_read(std::span<char> bytes) override {
    is_wrong = is_wrong || body.compare(received, bytes.size(), {bytes.data(), bytes.size()}) != 0;
    received += bytes.size();
  }
  void on_end() override { is_over = true; }
  void on_failure(const Error&) override { is_over = true; }

  std::string body;
  size_t received = 0;
  bool is_wrong = false, is_over = false;
  std::unique_ptr<Connector> connector;
  std::unique_ptr<Stream> stream;
};

struct SpliceOutcome {
  size_t whole = 0, cut = 0, killed = 0, queued_max = 0;
};

SpliceOutcome splice_exchanges(size_t count, size_t body_bytes_max, uint64_t kill_one_in,
                               uint64_t seed) {
  Loop loop;
  EchoServer backend(loop);
  SpliceYard yard(loop, backend.listener->address(), seed);
  yard.kill_one_in = kill_one_in;
  auto front = Listener::open(loop, Address::loopback(0), [&](std::unique_ptr<Stream> client) {
                 yard.adopt(std::move(client));
               }).value();
  Rng rng(seed + 1);
  SpliceOutcome outcome;
  std::vector<std::unique_ptr<EchoClient>> clients;
  size_t started = 0;
  // Twenty at a time.
  const bool is_done = run_until(
      loop,
      [&] {
        std::erase_if(clients, [&](const auto& client) {
          EXPECT_FALSE(client->is_wrong);
          if (!client->is_over) return false;
          ++(client->received == client->body.size() ? outcome.whole : outcome.cut);
          return true;
        });
        while (started < count && clients.size() < 20) {
          const size_t size = 1 + rng.below(body_bytes_max);
          clients.push_back(
              std::make_unique<EchoClient>(loop, front->address(), pattern(size, ++started)));
        }
        return clients.empty();
      },
      std::chrono::seconds(100));
  EXPECT_TRUE(is_done);
  outcome.killed = yard.killed;
  outcome.queued_max = yard.queued_max;
  return outcome;
}

}  // namespace

TEST(FlowTest, a_slow_reader_gets_every_byte_in_order) {
  Loop loop;
  RawPair pair(loop);
  const std::string body = pattern(6 << 20, 7);
  for (size_t at = 0; at < body.size(); at += 100'000) {
    pair.server.stream->write(std::string_view(body).substr(at, 100'000));
  }
  EXPECT_GT(pair.server.stream->queued_bytes(), size_t{1} << 20);
  std::string received;
  EXPECT_TRUE(run_until(loop, [&] {
    received += pair.raw->receive(30'000, MSG_DONTWAIT);
    loop.defer([] {});
    return received.size() == body.size();
  }));
  EXPECT_TRUE(received == body);
  EXPECT_TRUE(run_until(loop, [&] { return pair.server.drains == 1; }));
  EXPECT_EQ(pair.server.stream->queued_bytes(), 0u);
}

TEST(FlowTest, drained_comes_once_for_each_time_above_the_high_mark) {
  Loop loop;
  RawPair pair(loop);
  Stream& stream = *pair.server.stream;
  EXPECT_EQ(stream.high_mark(), 64u * 1024);
  stream.watermarks(1 << 20);
  for (int round = 0; round < 3; ++round) {
    // The kernel may take a good deal of it while the loop runs.
    do {
      while (!stream.is_full()) stream.write(std::string(100'000, 'x'));
      loopback::settle(loop);
    } while (!stream.is_full());
    const int drains = pair.server.drains;
    EXPECT_TRUE(run_until(loop, [&] {
      pair.raw->receive(1 << 20, MSG_DONTWAIT);
      loop.defer([] {});
      return pair.server.drains > drains;
    }));
    EXPECT_LE(stream.queued_bytes(), stream.high_mark() / 4);
    EXPECT_TRUE(run_until(loop, [&] {
      pair.raw->receive(1 << 20, MSG_DONTWAIT);
      loop.defer([] {});
      return stream.queued_bytes() == 0;
    }));
    EXPECT_EQ(pair.server.drains, drains + 1);
  }
  // Never above the mark: nothing to tell.
  const int drains = pair.server.drains;
  stream.write("small");
  loopback::settle(loop);
  EXPECT_EQ(pair.server.drains, drains);
}

TEST(FlowTest, a_source_that_pauses_keeps_the_queue_bounded) {
  static constexpr size_t total = 24 << 20;
  struct Source : loopback::Recorder {
    void pump() {
      while (sent < total && !stream->is_full()) {
        stream->write(piece);
        sent += piece.size();
        queued_max = std::max(queued_max, stream->queued_bytes());
      }
    }
    void on_drained() override { pump(); }
    std::string piece = std::string(10'000, 'p');
    size_t sent = 0, queued_max = 0;
  };
  Loop loop;
  RawPair pair(loop);
  Source source;
  source.take(std::move(pair.server.stream));
  source.pump();
  size_t received = 0;
  EXPECT_TRUE(run_until(loop, [&] {
    received += pair.raw->receive(50'000, MSG_DONTWAIT).size();
    loop.defer([] {});
    return received >= total;
  }));
  EXPECT_EQ(received, source.sent);
  EXPECT_LE(source.queued_max, source.stream->high_mark() + source.piece.size());
}

TEST(FlowTest, exchanges_pass_a_splice_whole) {
  const SpliceOutcome outcome = splice_exchanges(100, 400'000, 0, 1);
  EXPECT_EQ(outcome.whole, 100u);
  EXPECT_EQ(outcome.cut, 0u);
  // High mark and one read.
  EXPECT_LE(outcome.queued_max, 2 * 64u * 1024);
}

TEST(FlowTest, splices_that_die_in_their_callbacks_hurt_nobody_else) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    const SpliceOutcome outcome = splice_exchanges(200, 200'000, 40, seed);
    EXPECT_EQ(outcome.whole + outcome.cut, 200u) << "seed " << seed;
    EXPECT_GT(outcome.whole, 0u) << "seed " << seed;
    EXPECT_GT(outcome.killed, 0u) << "seed " << seed;
    EXPECT_LE(outcome.cut, outcome.killed) << "seed " << seed;
  }
}

}  // namespace causeway::net

#include "net/mailbox.h"

#include <array>
#include <atomic>
#include <thread>

#include "net/loopback_test.h"

namespace causeway::net {

TEST(MailboxTest, delivers_the_messages_of_four_threads_each_in_order) {
  struct Note {
    size_t sender;
    int number;
  };
  constexpr int notes_each = 5000;
  Loop loop;
  std::array<int, 4> next{};
  int received = 0;
  Mailbox<Note> mailbox(loop, 64, [&](Note&& note) {
    EXPECT_EQ(note.number, next[note.sender]++);
    ++received;
  });
  std::atomic<int> refused = 0;
  std::vector<std::thread> senders;
  for (size_t sender = 0; sender < next.size(); ++sender) {
    senders.emplace_back([&, sender] {
      for (int number = 0; number < notes_each; ++number) {
        while (!mailbox.post({sender, number})) {
          ++refused;
          std::this_thread::yield();
        }
      }
    });
  }
  EXPECT_TRUE(loopback::run_until(loop, [&] { return received == 4 * notes_each; }));
  for (std::thread& sender : senders) sender.join();
  EXPECT_EQ(mailbox.waiting(), 0u);
}

TEST(MailboxTest, refuses_beyond_its_capacity) {
  Loop loop;
  std::string received;
  Mailbox<char> mailbox(loop, 2, [&](char&& letter) { received += letter; });
  EXPECT_TRUE(mailbox.post('a'));
  EXPECT_TRUE(mailbox.post('b'));
  EXPECT_FALSE(mailbox.post('c'));
  EXPECT_EQ(mailbox.waiting(), 2u);
  EXPECT_TRUE(loopback::run_until(loop, [&] { return received.size() == 2; }));
  EXPECT_TRUE(mailbox.post('d'));
  EXPECT_TRUE(loopback::run_until(loop, [&] { return received.size() == 3; }));
  EXPECT_EQ(received, "abd");
}

TEST(MailboxTest, delivers_what_is_posted_while_receiving) {
  Loop loop;
  std::vector<int> received;
  Mailbox<int>* self = nullptr;
  Mailbox<int> mailbox(loop, 8, [&](int&& number) {
    received.push_back(number);
    if (number < 5) {
      EXPECT_TRUE(self->post(number + 1));
    }
  });
  self = &mailbox;
  EXPECT_TRUE(mailbox.post(1));
  EXPECT_TRUE(loopback::run_until(loop, [&] { return received.size() == 5; }));
  EXPECT_EQ(received, (std::vector<int>{1, 2, 3, 4, 5}));
}

TEST(MailboxTest, carries_what_can_only_be_moved) {
  Loop loop;
  int sum = 0;
  Mailbox<std::unique_ptr<int>> mailbox(loop, 8,
                                        [&](std::unique_ptr<int>&& number) { sum += *number; });
  std::thread sender([&] {
    for (int number = 1; number <= 4; ++number) {
      EXPECT_TRUE(mailbox.post(std::make_unique<int>(number)));
    }
  });
  EXPECT_TRUE(loopback::run_until(loop, [&] { return sum == 10; }));
  sender.join();
}

TEST(MailboxTest, may_be_buried_while_receiving) {
  Loop loop;
  int received = 0;
  std::unique_ptr<Mailbox<int>> mailbox;
  mailbox = std::make_unique<Mailbox<int>>(loop, 8, [&](int&&) {
    ++received;
    loop.bury(std::move(mailbox));
  });
  EXPECT_TRUE(mailbox->post(1));
  EXPECT_TRUE(mailbox->post(2));
  loop.run();
  EXPECT_EQ(received, 2);
}

TEST(MailboxTest, a_gathering_one_delivers_every_message_of_four_threads_and_then_sleeps_again) {
  constexpr int notes_each = 5000;
  Loop loop;
  int received = 0;
  Mailbox<int> mailbox(
      loop, 1 << 20, [&](int&&) { ++received; }, Milliseconds(1));
  for (int round = 1; round <= 3; ++round) {
    std::vector<std::thread> senders;
    for (int sender = 0; sender < 4; ++sender) {
      senders.emplace_back([&] {
        for (int number = 0; number < notes_each; ++number) EXPECT_TRUE(mailbox.post(number));
      });
    }
    EXPECT_TRUE(loopback::run_until(loop, [&] { return received == round * 4 * notes_each; }));
    for (std::thread& sender : senders) sender.join();
  }
  // Unreferenced, it leaves the loop nothing to wait for once it has looked for the last time.
  mailbox.unref();
  loop.run();
}

TEST(MailboxTest, what_nobody_received_is_freed_with_it) {
  Loop loop;
  Mailbox<std::unique_ptr<int>> mailbox(loop, 8, [](std::unique_ptr<int>&&) { FAIL(); });
  EXPECT_TRUE(mailbox.post(std::make_unique<int>(1)));
}

TEST(MailboxTest, keeps_its_loop_running_unless_unreferenced) {
  Loop loop;
  Mailbox<int> mailbox(loop, 8, [](int&&) {});
  mailbox.unref();
  loop.run();
}

TEST(MailboxTest, stops_a_loop_on_another_thread) {
  Loop loop;
  Mailbox<int> mailbox(loop, 8, [&](int&&) { loop.stop(); });
  std::thread worker([&] { loop.run(); });
  EXPECT_TRUE(mailbox.post(1));
  worker.join();
}

}  // namespace causeway::net

#pragma once

#include <string>
#include <vector>

#include "control/store/key_space.h"
#include "control/store/row_form.h"
#include "control/store/store.h"

namespace causeway::store {

// A script that does nothing when another writer has laid its token. KEYS[1] is the fence, ARGV[1]
// our token, "" for none.
std::string fenced(const char* script);

// The rest of them. ARGV: token of the writer ("" for none), number of checks; per check: key
// number, field ("" for a string key), number of forms, the forms of which one is expected ("" for
// no row). Then, up to the end: number of arguments, command, key number, arguments. KEYS[1] is the
// fence. PRUNE drops index entries of a process that has no row left.
extern const char* const kCommitScript;
// Same fence; KEYS: fence, index, scheduling row, instances. ARGV: token, entry.
extern const char* const kPruneScript;
// Writes what says nothing. KEYS: fence, mark. ARGV: token.
extern const char* const kMarkScript;

// Keys and arguments of one commit, all of one shard. A value.
class CommitCall {
 public:
  std::vector<std::string> keys, args;

  CommitCall(const KeySpace& space, const RowForm& form, const std::string& token,
             const Change& change);

 private:
  std::string key(const std::string& name);
  void write(const char* command, const std::string& name, std::vector<std::string> rest);
  void add_check(const RowChange& row);
  void add_writes(const RowChange& row);
  void add_index_writes(const RowChange& row);

  const KeySpace& space_;
  const RowForm& form_;
  const size_t shard_;
};

}  // namespace causeway::store

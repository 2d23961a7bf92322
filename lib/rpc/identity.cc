#include "rpc/identity.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "net/loop.h"
#include "tls/key_pair.h"

namespace causeway::rpc {

namespace {

constexpr std::streamsize kFileBytesMax = 4 << 20;

Error broken_file(const std::string& path, std::string_view reason) {
  return {.fault = Fault::invalid, .detail = path + ": " + std::string(reason)};
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return broken_file(path, std::strerror(errno));
  std::string text(static_cast<size_t>(kFileBytesMax), '\0');
  file.read(text.data(), kFileBytesMax);
  if (file.gcount() == 0) return broken_file(path, "empty, or not a file");
  if (file.gcount() == kFileBytesMax) return broken_file(path, "too long for a certificate");
  text.resize(static_cast<size_t>(file.gcount()));
  return text;
}

}  // namespace

Identity::Identity(net::Loop& loop, const log::Logger& logger, Files files, Options options)
    : logger_(logger.session("tls")), files_(std::move(files)), options_(options), timer_(loop) {}

Identity::~Identity() = default;

Result<Identity::Contexts> Identity::read(const Files& files, const Options& options) {
  if (files.certificate.empty() != files.key.empty()) {
    return Error{.fault = Fault::invalid,
                 .detail = files.key.empty() ? files.certificate + ": a certificate without its key"
                                             : files.key + ": a key without its certificate"};
  }
  tls::ClientContext::Options client;
  client.verify = options.verify;
  if (!files.authorities.empty()) {
    auto authorities = read_file(files.authorities);
    if (!authorities) return std::move(authorities).error();
    client.ca_pem = std::move(*authorities);
  }
  if (!files.certificate.empty()) {
    auto certificate = read_file(files.certificate);
    if (!certificate) return std::move(certificate).error();
    auto key = read_file(files.key);
    if (!key) return std::move(key).error();
    if (auto fits = tls::check_key_pair(*certificate, *key); !fits)
      return broken_file(files.certificate + ", " + files.key, fits.error().detail);
    client.key_pair = tls::KeyPair{std::move(*certificate), std::move(*key)};
  }
  Contexts contexts;
  auto made = tls::ClientContext::make(client);
  if (!made) return broken_file(files.authorities, made.error().detail);
  contexts.client = std::move(*made);
  if (!client.key_pair || files.authorities.empty()) return contexts;
  using Wanted = tls::ServerContext::Options::ClientCertificate;
  auto server = tls::ServerContext::make({.key_pair = *client.key_pair,
                                          .alpn = options.alpn,
                                          .client_certificate = Wanted::required,
                                          .client_ca_pem = client.ca_pem});
  if (!server) return broken_file(files.certificate, server.error().detail);
  contexts.server = std::move(*server);
  return contexts;
}

Identity::Marks Identity::marks_of(const Files& files) {
  Marks marks;
  const std::array<const std::string*, 3> paths{&files.authorities, &files.certificate, &files.key};
  for (size_t i = 0; i < paths.size(); ++i) {
    struct stat found {};
    if (paths[i]->empty() || ::stat(paths[i]->c_str(), &found) != 0) continue;
    marks[i] = {.inode = found.st_ino,
                .bytes = static_cast<uint64_t>(found.st_size),
                .changed_ns = found.st_mtim.tv_sec * 1'000'000'000 + found.st_mtim.tv_nsec};
  }
  return marks;
}

Result<std::unique_ptr<Identity>> Identity::open(net::Loop& loop, const log::Logger& logger,
                                                 Files files) {
  return open(loop, logger, std::move(files), Options{});
}

Result<std::unique_ptr<Identity>> Identity::open(net::Loop& loop, const log::Logger& logger,
                                                 Files files, Options options) {
  const Marks marks = marks_of(files);
  auto contexts = read(files, options);
  if (!contexts) return std::move(contexts).error();
  std::unique_ptr<Identity> identity(new Identity(loop, logger, std::move(files), options));
  identity->contexts_ = std::move(*contexts);
  identity->marks_ = marks;
  if (options.check_interval > Duration::zero()) {
    identity->timer_.every(options.check_interval, [self = identity.get()] { self->look_again(); });
  }
  return identity;
}

Result<void> Identity::check(const Files& files) {
  if (auto contexts = read(files, Options{}); !contexts) return std::move(contexts).error();
  return {};
}

void Identity::look_again() {
  const Marks marks = marks_of(files_);
  if (marks == marks_) return;
  // Files are written one after the other: what does not fit together now does so soon, or is told
  // again when something changes.
  marks_ = marks;
  auto contexts = read(files_, options_);
  if (!contexts) {
    logger_.error("certificates-not-reloaded", contexts.error());
    return;
  }
  contexts_ = std::move(*contexts);
  sessions_.clear();
  ++reloads_;
  logger_.info("certificates-reloaded", {{"certificate", files_.certificate}});
}

}  // namespace causeway::rpc

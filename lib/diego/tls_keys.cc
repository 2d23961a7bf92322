#include "diego/tls_keys.h"

#include <cstdio>
#include <utility>

#include "diego/service_url.h"
#include "log/logger.h"

namespace causeway::diego {

namespace {

// Reads every spelling, so that none is reported as unknown; answers the one that counts.
const char* read_first(config::Section& section, const std::vector<const char*>& names,
                       std::string& target) {
  const char* counts = names.front();
  for (const char* name : names) {
    std::string path;
    section.read(name, path);
    if (path.empty() || !target.empty()) continue;
    target = std::move(path);
    counts = name;
  }
  return counts;
}

bool open(const char* program, net::Loop& loop, const log::Logger& logger,
          const rpc::Identity::Files& files, rpc::Identity::Options options,
          std::unique_ptr<rpc::Identity>& target) {
  auto identity = rpc::Identity::open(loop, logger, files, std::move(options));
  if (!identity) {
    logger.error("failed-to-read-certificates", identity.error());
    std::fprintf(stderr, "%s: %s\n", program, identity.error().detail.c_str());
    return false;
  }
  target = std::move(*identity);
  return true;
}

}  // namespace

rpc::Identity::Files read_tls_files(config::Section& section, const TlsKeys& keys) {
  rpc::Identity::Files files;
  const char* const authorities = read_first(section, keys.authorities, files.authorities);
  const char* const certificate = read_first(section, keys.certificate, files.certificate);
  const char* const key = read_first(section, keys.key, files.key);
  if (files.certificate.empty() && files.key.empty()) return files;
  const struct {
    const std::string& path;
    const char* name;
  } needed[] = {
      {files.authorities, authorities}, {files.certificate, certificate}, {files.key, key}};
  bool is_complete = true;
  for (const auto& [path, name] : needed) {
    if (!path.empty()) continue;
    section.problem(name, "missing: authorities, certificate and key belong together");
    is_complete = false;
  }
  if (!is_complete) return files;
  if (auto fits = rpc::Identity::check(files); !fits)
    section.problem(certificate, fits.error().detail);
  return files;
}

void require_files(config::Section& section, const char* key, std::string_view url,
                   const rpc::Identity::Files& files, const TlsKeys& keys) {
  if (!is_https(url) || !files.certificate.empty()) return;
  section.problem(key, std::string("https needs ") + keys.authorities.front() + ", " +
                           keys.certificate.front() + " and " + keys.key.front());
}

bool open_identity(const char* program, net::Loop& loop, const log::Logger& logger,
                   const rpc::Identity::Files& files, std::unique_ptr<rpc::Identity>& target) {
  return files.is_empty() || open(program, loop, logger, files, {}, target);
}

bool open_identity_for(const char* program, net::Loop& loop, const log::Logger& logger,
                       std::string_view url, const rpc::Identity::Files& files,
                       rpc::Identity::Options options, std::unique_ptr<rpc::Identity>& target) {
  return !is_https(url) || open(program, loop, logger, files, std::move(options), target);
}

}  // namespace causeway::diego

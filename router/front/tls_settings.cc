#include "router/front/tls_settings.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include "tls/certificate.h"

namespace causeway::router {
namespace {

// A bundle of all the world's authorities has a quarter of a megabyte.
constexpr size_t file_bytes_max = 4u << 20;

Result<std::string> read_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) {
    return Error{
        .fault = Fault::not_found, .os = errno, .detail = path + ": " + std::strerror(errno)};
  }
  std::string text(std::istreambuf_iterator<char>(stream), {});
  if (stream.bad() || text.empty())
    return Error{.fault = Fault::invalid, .detail = path + ": cannot be read, or is empty"};
  if (text.size() > file_bytes_max)
    return Error{.fault = Fault::invalid, .detail = path + ": too long"};
  return text;
}

Error named(const std::string& path, Error error) {
  error.detail = path + ": " + error.detail;
  return error;
}

Result<tls::ServerContext::Certificate> read_pair(const TlsSettings::Pair& pair) {
  auto certificate = pair.certificate.read();
  if (!certificate) return std::move(certificate).error();
  auto key = pair.key.read();
  if (!key) return std::move(key).error();
  tls::ServerContext::Certificate read;
  read.key_pair = {std::move(certificate).value(), std::move(key).value()};
  if (!pair.ocsp_response_file.empty()) {
    auto response = read_file(pair.ocsp_response_file);
    if (!response) return std::move(response).error();
    if (auto good = tls::check_ocsp_response(*response); !good)
      return named(pair.ocsp_response_file, std::move(good).error());
    read.ocsp_response = std::move(response).value();
  }
  return read;
}

}  // namespace

Result<std::string> PemSource::read() const {
  if (file.empty()) return text;
  return read_file(file);
}

std::vector<std::string> files_of(const TlsSettings& settings) {
  std::vector<std::string> files;
  const auto add = [&files](const std::string& file) {
    if (!file.empty() && std::find(files.begin(), files.end(), file) == files.end())
      files.push_back(file);
  };
  for (const auto& pair : settings.pairs) {
    add(pair.certificate.file);
    add(pair.key.file);
    add(pair.ocsp_response_file);
  }
  add(settings.client_ca.file);
  for (const auto& domain : settings.domains) add(domain.client_ca.file);
  add(settings.ticket_key_file);
  return files;
}

Result<tls::ServerContext::Options> read_options(const TlsSettings& settings,
                                                 const std::vector<tls::TicketKey>& tickets) {
  tls::ServerContext::Options options;
  for (size_t i = 0; i < settings.pairs.size(); ++i) {
    auto read = read_pair(settings.pairs[i]);
    if (!read) return std::move(read).error();
    if (i > 0) {
      options.more_certificates.push_back(std::move(read).value());
      continue;
    }
    options.key_pair = std::move(read->key_pair);
    options.ocsp_response = std::move(read->ocsp_response);
  }
  auto client_ca = settings.client_ca.read();
  if (!client_ca) return std::move(client_ca).error();
  options.client_ca_pem = std::move(client_ca).value();
  for (const auto& domain : settings.domains) {
    auto ca = domain.client_ca.read();
    if (!ca) return std::move(ca).error();
    options.domains.push_back({domain.name, std::move(ca).value()});
  }
  options.ticket_keys = tickets;
  if (!settings.ticket_key_file.empty()) {
    const auto text = read_file(settings.ticket_key_file);
    if (!text) return text.error();
    auto keys = tls::parse_ticket_keys(*text);
    if (!keys) return named(settings.ticket_key_file, std::move(keys).error());
    options.ticket_keys = std::move(keys).value();
  }
  if (settings.offers_protocols) options.alpn = {"h2", "http/1.1"};
  options.refuses_other_protocols = true;
  options.client_certificate = settings.client_certificate;
  options.trusts_system = settings.trusts_system;
  options.subject_rules = settings.subject_rules;
  options.least = settings.least;
  options.most = settings.most;
  options.cipher_suites = settings.cipher_suites;
  return options;
}

}  // namespace causeway::router

#include "cell/network/network.h"

#include <dirent.h>

#include <algorithm>
#include <fstream>
#include <memory>

#include "cell/network/ruleset.h"
#include "cell/runtime/program.h"

namespace causeway::network {
namespace {

using runtime::run_program;

Result<void> run(const std::vector<std::string>& argv, const std::string& input) {
  Result<std::string> output = run_program(argv, input);
  if (!output) return output.error();
  return {};
}

Result<void> write_setting(const std::string& path, const std::string& value) {
  std::ofstream file(path);
  file << value;
  file.flush();
  if (!file) return Error{.fault = Fault::io, .detail = "cannot write " + path};
  return {};
}

std::vector<std::string> links_with(const std::string& prefix) {
  std::vector<std::string> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/sys/class/net"), ::closedir);
  if (!folder) return found;
  while (const dirent* entry = ::readdir(folder.get())) {
    if (std::string_view(entry->d_name).starts_with(prefix)) found.emplace_back(entry->d_name);
  }
  return found;
}

}  // namespace

Result<std::unique_ptr<Network>> Network::make(const Options& options) {
  Subnet subnet = subnet_for(options.seed);
  if (!options.subnet.empty()) {
    const Result<Subnet> wanted = parse_subnet(options.subnet);
    if (!wanted) return wanted.error();
    subnet = *wanted;
  }
  if (options.host_port_first == 0 || options.host_port_first > options.host_port_last) {
    return Error{.fault = Fault::invalid,
                 .detail = "host ports: the first one is above the last one"};
  }
  return std::unique_ptr<Network>(new Network(options, subnet));
}

Network::Network(const Options& options, Subnet subnet)
    : mark_(mark_for(options.seed)),
      addresses_(subnet),
      host_ports_(options.host_port_first, options.host_port_last) {}

Result<Attachment> Network::reserve(const std::string& handle,
                                    std::span<const uint16_t> container_ports,
                                    std::vector<Egress> egress) {
  const Result<uint32_t> address = addresses_.take();
  if (!address) return address.error();
  Attachment attachment{
      .handle = handle, .address = *address, .ports = {}, .egress = std::move(egress)};
  for (const uint16_t container_port : container_ports) {
    const Result<uint16_t> host_port = host_ports_.take();
    if (!host_port) {
      release(attachment);
      return host_port.error();
    }
    attachment.ports.push_back({container_port, *host_port});
  }
  return attachment;
}

Result<void> Network::adopt(const Attachment& attachment) {
  if (Result<void> claimed = addresses_.claim(attachment.address); !claimed) return claimed;
  for (size_t i = 0; i < attachment.ports.size(); ++i) {
    Result<void> claimed = host_ports_.claim(attachment.ports[i].host_port);
    if (claimed) continue;
    addresses_.give_back(attachment.address);
    for (size_t j = 0; j < i; ++j) host_ports_.give_back(attachment.ports[j].host_port);
    return claimed;
  }
  return {};
}

void Network::release(const Attachment& attachment) {
  addresses_.give_back(attachment.address);
  for (const PortForward& one : attachment.ports) host_ports_.give_back(one.host_port);
}

Result<void> Network::set_up(std::span<const Attachment> adopted) const {
  const Subnet& subnet = addresses_.subnet();
  const std::string network = format_address(subnet.base) + "/" + std::to_string(subnet.bits);
  const Result<std::string> routes =
      run_program({"ip", "-4", "-o", "route", "show", "root", network});
  if (!routes) return routes.error();
  std::string_view rest = *routes;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.empty() || line.find("dev " + link_prefix(mark_)) != std::string_view::npos) continue;
    return Error{.fault = Fault::exists,
                 .detail = "the network " + network + " is in use on this machine (" +
                           std::string(line) + "); name another one"};
  }
  if (Result<void> on = write_setting("/proc/sys/net/ipv4/ip_forward", "1"); !on) return on;
  if (Result<void> removed = remove_links_but(adopted); !removed) return removed;
  return run({"nft", "-f", "-"}, table_text(mark_, subnet, adopted));
}

Result<void> Network::attach(const Attachment& attachment,
                             const std::string& namespace_path) const {
  const Subnet& subnet = addresses_.subnet();
  const std::string link = link_name(mark_, subnet, attachment.address);
  Result<void> made = run({"ip", "-batch", "-"}, link_batch(mark_, subnet, addresses_.gateway(),
                                                            attachment.address, namespace_path));
  // Locally made connections to 127.0.0.1 leave through this link before they take the machine's
  // address.
  if (made) made = write_setting("/proc/sys/net/ipv4/conf/" + link + "/route_localnet", "1");
  if (made) {
    made = run({"nsenter", "--net=" + namespace_path, "sh", "-c",
                "echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start; exec ip -batch -"},
               inside_batch(addresses_.gateway(), attachment.address));
  }
  const std::string elements = attach_text(mark_, attachment);
  if (made && !elements.empty()) made = run({"nft", "-f", "-"}, elements);
  if (!made) (void)run({"ip", "link", "del", link}, {});
  return made;
}

Result<void> Network::detach(const Attachment& attachment) const {
  // Element by element: one that is gone already must not keep the others. The link may have gone
  // with its namespace.
  const std::string elements = detach_text(mark_, attachment);
  if (!elements.empty() && !run({"nft", "-f", "-"}, elements)) {
    std::string_view rest = elements;
    while (!rest.empty()) {
      const std::string_view line = rest.substr(0, rest.find('\n') + 1);
      (void)run({"nft", "-f", "-"}, std::string(line));
      rest.remove_prefix(line.size());
    }
  }
  const std::string link = link_name(mark_, addresses_.subnet(), attachment.address);
  if (links_with(link).empty()) return {};
  Result<void> deleted = run({"ip", "link", "del", link}, {});
  return !deleted && links_with(link).empty() ? Result<void>() : deleted;
}

Result<void> Network::remove_links_but(std::span<const Attachment> kept) const {
  for (const std::string& link : links_with(link_prefix(mark_))) {
    const bool is_kept = std::any_of(kept.begin(), kept.end(), [&](const Attachment& one) {
      return link == link_name(mark_, addresses_.subnet(), one.address);
    });
    if (is_kept) continue;
    Result<void> deleted = run({"ip", "link", "del", link}, {});
    if (!deleted && !links_with(link).empty()) return deleted;
  }
  return {};
}

Result<void> Network::tear_down() const {
  Result<void> removed = remove_links_but({});
  Result<void> table = run({"nft", "-f", "-"}, remove_table_text(mark_));
  return removed ? table : removed;
}

}  // namespace causeway::network

#include "cell/executor/environment.h"

#include <algorithm>
#include <string_view>

#include "cell/network/allocator.h"
#include "json/json.h"

namespace causeway::executor {

std::vector<std::string> network_environment(const std::string& host_address,
                                             const network::Attachment& attachment) {
  std::vector<std::string> env{
      "CF_INSTANCE_IP=" + host_address,
      "CF_INSTANCE_INTERNAL_IP=" + network::format_address(attachment.address)};
  json::Writer ports;
  ports.array();
  for (const network::PortForward& port : attachment.ports) {
    ports.object().member("external", port.host_port).member("internal", port.container_port).end();
  }
  const std::string list = ports.end().take();
  if (!attachment.ports.empty()) {
    const std::string first = std::to_string(attachment.ports.front().host_port);
    env.push_back("CF_INSTANCE_PORT=" + first);
    env.push_back("CF_INSTANCE_ADDR=" + host_address + ":" + first);
  } else {
    env.insert(env.end(), {"CF_INSTANCE_PORT=", "CF_INSTANCE_ADDR="});
  }
  env.push_back("CF_INSTANCE_PORTS=" + list);
  return env;
}

std::vector<std::string> process_environment(const RunRequest& request,
                                             const models::RunAction& action, const User& user,
                                             const std::vector<std::string>& network) {
  std::vector<std::string> env{
      user.uid == 0 ? "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
                    : "PATH=/usr/local/bin:/usr/bin:/bin",
      "HOME=" + user.home, "USER=" + user.name};
  const auto set = [&](const std::string& variable) {
    const std::string_view name = std::string_view(variable).substr(0, variable.find('=') + 1);
    const auto same = std::find_if(env.begin(), env.end(),
                                   [&](const std::string& v) { return v.starts_with(name); });
    if (same == env.end()) {
      env.push_back(variable);
    } else {
      *same = variable;
    }
  };
  for (const models::EnvironmentVariable& variable : request.env)
    set(variable.name() + "=" + variable.value());
  for (const models::EnvironmentVariable& variable : action.env())
    set(variable.name() + "=" + variable.value());
  for (const std::string& variable : network) set(variable);
  return env;
}

models::ActualLRPNetInfo net_info_of(const std::string& host_address,
                                     const network::Attachment& attachment) {
  models::ActualLRPNetInfo info;
  info.set_address(host_address);
  info.set_instance_address(network::format_address(attachment.address));
  info.set_preferred_address(models::ActualLRPNetInfo::HOST);
  for (const network::PortForward& port : attachment.ports) {
    models::PortMapping& mapping = *info.add_ports();
    mapping.set_container_port(port.container_port);
    mapping.set_host_port(port.host_port);
  }
  return info;
}

std::string hosts_file(const std::string& hostname, const std::string& address) {
  return "127.0.0.1 localhost\n::1 localhost\n" + address + " " + hostname + "\n";
}

}  // namespace causeway::executor

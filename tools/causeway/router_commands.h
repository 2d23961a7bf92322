#pragma once

namespace CLI {
class App;
}

namespace causeway::cli {

struct Context;

// `router upgrade`: replaces the router of this machine while it runs.
void add_router_commands(CLI::App& app, Context& context);

}  // namespace causeway::cli

#pragma once

namespace CLI {
class App;
}

namespace causeway::cli {

struct Context;

// `platform start|run|status|stop`: the processes of a platform on this machine.
void add_platform_commands(CLI::App& app, Context& context);

}  // namespace causeway::cli

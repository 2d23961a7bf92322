"""RFC 9113 (and 7541, 8441), rule by rule, as far as a server can be asked about it. Each is a function of a client that is connected
and has exchanged SETTINGS; its text names the section."""
import rules_of_connections  # noqa: F401
import rules_of_frames  # noqa: F401
import rules_of_messages  # noqa: F401
from rule import RULES  # noqa: F401

"""The version of luzia, the protocol's version, and the rule that keeps old scripts working.

The rule: unknown fields are ignored; a new field has a default; an op, an event kind, an error code or a
field is never renamed and never changes its meaning. A change that keeps the rule leaves the number as it
is. A change that breaks it increases PROTOCOL_VERSION, and the daemon continues to support the older numbers
since OLDEST_SUPPORTED.
"""

VERSION = "0.1.0"
PROTOCOL_VERSION = 1
OLDEST_SUPPORTED = 1

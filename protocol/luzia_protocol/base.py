"""What all requests share, for the modules that have those of one topic each."""

from __future__ import annotations

import msgspec

type_id = int | str | None


class Base(msgspec.Struct, tag_field="op", kw_only=True, omit_defaults=True, repr_omit_defaults=True, gc=False):
    """A request. `id`, a number or a string of the client's choice, comes back in the answer."""

    id: type_id = None

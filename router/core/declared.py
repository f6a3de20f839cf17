"""What all types that users write have in common: their base and their number ranges."""

from typing import Annotated

from msgspec import Meta, Struct

Port = Annotated[int, Meta(ge=0, le=65535)]
Percent = Annotated[int, Meta(ge=0, le=100)]
Positive = Annotated[int, Meta(ge=1)]


class Declared(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything a user writes: an unknown key is refused, never ignored.

    A field of type ``object`` is accepted whatever it holds; meaning.py says which keys
    have no meaning here.
    """

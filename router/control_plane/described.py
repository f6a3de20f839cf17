"""What the API's OpenAPI document says of a handler, written on the handler itself.

openapi.py puts the document together from the routes that are registered.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from msgspec import Struct

_Handler = TypeVar("_Handler", bound=Callable[..., Any])
_ATTRIBUTE = "description"


class Description(Struct, frozen=True, kw_only=True):
    """One operation.

    Attributes:
        summary: what it does, in a few words.
        answers: the type of the body by the status of success; None for no body.
        bodies: what it takes: one of these, or nothing if there is none.
        query: its parameters besides api-version, which is ignored everywhere.
        headers: those of the request that change the answer.
        long_running: whether it begins an operation, which the answer's headers name
            (azure.md 8.3).
    """

    summary: str
    answers: Mapping[int, type | None]
    bodies: tuple[type, ...] = ()
    query: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    long_running: bool = False


class Resource(Struct):
    """What every resource has (azure.md 8.2)."""

    id: str
    name: str
    type: str
    properties: dict[str, Any]


class ResourceList(Struct):
    """A list's answer."""

    value: list[Resource]


class Status(Struct, rename="camel"):
    """How far an operation is (azure.md 8.3)."""

    id: str
    name: str
    status: str
    start_time: str
    percent_complete: float


class Anything(Struct):
    """An object whose keys are said in azure.md."""


class ErrorDetails(Struct):
    """Why a request was refused, and what to do about it."""

    code: str
    message: str


class Error(Struct):
    """Every error's body (azure.md 8.2)."""

    error: ErrorDetails


def described(
    summary: str,
    answers: Mapping[int, type | None],
    *,
    bodies: tuple[type, ...] = (),
    query: tuple[str, ...] = (),
    headers: tuple[str, ...] = (),
    long_running: bool = False,
) -> Callable[[_Handler], _Handler]:
    """Describes the handler below it; arguments as Description's attributes."""
    description = Description(
        summary=summary,
        answers=answers,
        bodies=bodies,
        query=query,
        headers=headers,
        long_running=long_running,
    )

    def note(handler: _Handler) -> _Handler:
        setattr(handler, _ATTRIBUTE, description)
        return handler

    return note


def description_of(handler: object) -> Description | None:
    """What is said of a handler; None if nothing is."""
    found = getattr(handler, _ATTRIBUTE, None)
    return found if isinstance(found, Description) else None

"""What the tables of wrong calls are made of; see test_wrong_calls.py."""

from tests.control_plane.daemon import deployment_body

# HTTP status, and code in the body.
Status = tuple[int, str]
# Method, path, body, status and code, message.
Row = tuple[str, str, object, Status, str]

CODE = "{code}"
BAD, ABSENT, CONFLICT = (400, "BadRequest"), (404, "ResourceNotFound"), (409, "Conflict")
NO_ROUTE, NOT_ALLOWED = (404, "NotFound"), (405, "MethodNotAllowed")
MISSING = (
    "expected the name of an endpoint, got 'missing'. Create it first with `turnout ml "
    "online-endpoint create --name missing`."
)
NAME = (
    "The name for {} must start with an upper- or lowercase letter\n and only consist of '-'s and "
    "alphanumeric characters. Got {}, at `$.name`."
)


def properties(**properties: object) -> dict[str, object]:
    """A body."""
    return {"properties": properties}


def dep(count: int = 1, /, **properties: object) -> dict[str, object]:
    """The body of a deployment that would be right but for ``properties``."""
    return deployment_body(CODE, count, **properties)


def limits(**quantities: str) -> dict[str, object]:
    """The property that says them."""
    return {"containerResourceRequirements": {"containerResourceLimits": quantities}}

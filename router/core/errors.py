"""The errors a caller can cause or must know about, and whose fault each is.

Codes are those of Azure's error bodies (azure.md section 8). Nothing here knows
HTTP: each plane maps these types to status codes in one table of its own.
"""


class TurnoutError(Exception):
    """Base of all errors shown to users.

    Attributes:
        code: Azure-style error code, e.g. ``BadRequest``.
        message: one sentence or more: expected, got, where, what to do.
    """

    code = "InternalServerError"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadRequest(TurnoutError):
    """The caller's input breaks a rule. Nothing was changed; sending it again is no use."""

    code = "BadRequest"


class Unauthorized(TurnoutError):
    """The caller has not shown who they are."""

    code = "Unauthorized"


class Forbidden(TurnoutError):
    """The caller may not call from there."""

    code = "Forbidden"


class ResourceNotFound(TurnoutError):
    """What the caller names does not exist. Nothing was changed."""

    code = "ResourceNotFound"


class Conflict(TurnoutError):
    """The present state forbids it; nothing was changed.

    Another operation on the same endpoint runs, or a version has other content already.
    """

    code = "Conflict"


class StorageFailed(TurnoutError):
    """What must be on disk could not be written there: it is full, or broken."""

    code = "InsufficientStorage"


class TooManyFiles(TurnoutError):
    """The process may open no more files, or the machine may not."""

    code = "TooManyOpenFiles"


class DeploymentFailed(TurnoutError):
    """The deployment could not be brought up; the message ends with what its log says."""

    code = "DeploymentFailed"


class ImageBuildFailure(TurnoutError):
    """A deployment's environment could not be built; the message is the resolver's."""

    code = "ImageBuildFailure"

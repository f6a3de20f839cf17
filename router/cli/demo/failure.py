"""Why a demo stops before its end."""


class DemoFailed(Exception):
    """Something that the rest of the show depends on went wrong; the message says what."""

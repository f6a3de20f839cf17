"""Why a demo or a user's test stops before its end."""


class HarnessError(Exception):
    """Something that the rest depends on went wrong; the message says what."""

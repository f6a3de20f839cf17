"""A request becomes calls of the core: may it come in, and who takes it.

Which endpoint, which part of it and whose key are read off here; whether the request is
taken, and by whom it is served, is the core's to say.
"""

from router.core.dispatcher import Dispatcher
from router.core.request import Client, Payload, Refusal, Request
from router.core.snapshot import SnapshotEndpoint
from router.data_plane import statuses
from router.data_plane.heads import HEAD_END, ParsedHead
from router.data_plane.replies import Replies


def locate(
    parsed: ParsedHead, dispatcher: Dispatcher, replies: Replies, arrived_ns: int, *, close: bool
) -> SnapshotEndpoint | bytes:
    """The endpoint that a request names and may call, or the answer that says why not.

    Args:
        close: whether the connection ends behind the answer.
    """
    if parsed.endpoint is None:
        message = (
            f"expected POST /ENDPOINT/score, or POST /score with the host ENDPOINT.DOMAIN, got "
            f"the URL {parsed.url.decode('latin-1')!r}"
        )
        return replies.error(statuses.NOT_FOUND, message, close=close)
    if parsed.method == b"HEAD":
        # Answered without a body, whatever its headers announce.
        reply = replies.error(statuses.METHOD_NOT_ALLOWED, "", close=close)
        return reply.partition(HEAD_END)[0] + HEAD_END
    endpoint = dispatcher.authorize(parsed.endpoint, parsed.authorization, arrived_ns)
    if isinstance(endpoint, Refusal):
        return replies.refusal(endpoint, head=parsed.passed_on, close=close)
    return endpoint


def take_in(
    endpoint: SnapshotEndpoint,
    parsed: ParsedHead,
    body: Payload,
    dispatcher: Dispatcher,
    client: Client,
    arrived_ns: int,
) -> Request | Refusal:
    """Hands a whole request to the dispatcher."""
    head = parsed.passed_on
    if parsed.asks_to_score:
        return dispatcher.arrive(endpoint, parsed.pinned, body, head, client, arrived_ns)
    return dispatcher.arrive_aside(endpoint, parsed.pinned, head, client, arrived_ns)

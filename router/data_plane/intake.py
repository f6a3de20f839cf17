"""A whole request becomes a call of the core, or an answer at once.

Which endpoint, which part of it and whose key are read off here; whether the request is
taken, and by whom it is served, is the core's to say.
"""

from router.core.dispatcher import Dispatcher
from router.core.request import Client, Refusal, Request
from router.data_plane import statuses
from router.data_plane.addresses import SCORE
from router.data_plane.engine import now_ns
from router.data_plane.heads import HEAD_END, ParsedHead
from router.data_plane.replies import Replies


def take_in(
    parsed: ParsedHead,
    body: bytes,
    dispatcher: Dispatcher,
    replies: Replies,
    client: Client,
    *,
    close: bool,
) -> Request | bytes:
    """Hands a request to the dispatcher, or renders why not.

    Args:
        close: whether the connection ends behind the answer.
    """
    if parsed.destination is None:
        message = (
            f"expected POST /ENDPOINT/score, or POST /score with the host ENDPOINT.DOMAIN, got "
            f"the URL {parsed.url.decode('latin-1')!r}"
        )
        return replies.error(statuses.NOT_FOUND, message, close=close)
    if parsed.method == b"HEAD":
        # Answered without a body, whatever its headers announce.
        reply = replies.error(statuses.METHOD_NOT_ALLOWED, "", close=close)
        return reply.partition(HEAD_END)[0] + HEAD_END
    name, target = parsed.destination
    head = parsed.passed_on
    arrived_ns = now_ns()
    endpoint = dispatcher.authorize(name, parsed.authorization, arrived_ns)
    result: Request | Refusal
    if isinstance(endpoint, Refusal):
        result = endpoint
    elif target == SCORE:
        result = dispatcher.arrive(endpoint, parsed.pinned, body, head, client, arrived_ns)
    else:
        result = dispatcher.arrive_aside(endpoint, parsed.pinned, head, client, arrived_ns)
    if isinstance(result, Refusal):
        return replies.refusal(result, head=head, close=close)
    return result

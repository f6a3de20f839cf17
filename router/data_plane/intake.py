"""A whole request becomes a call of the core, or an answer at once.

Which endpoint, which part of it and whose key are read off here; whether the request is
taken, and by whom it is served, is the core's to say.
"""

from router.core.dispatcher import Dispatcher
from router.core.request import Client, Refusal, Request
from router.data_plane import statuses
from router.data_plane.addresses import SCORE
from router.data_plane.engine import now_ns
from router.data_plane.reader import Reader
from router.data_plane.replies import Replies

HEAD_END = b"\r\n\r\n"


def take_in(
    reader: Reader, dispatcher: Dispatcher, replies: Replies, client: Client, *, close: bool
) -> Request | bytes:
    """Hands the reader's request to the dispatcher, or renders why not.

    Args:
        close: whether the connection ends behind the answer.
    """
    destination = reader.destination()
    if destination is None:
        message = (
            f"expected POST /ENDPOINT/score, or POST /score with the host ENDPOINT.DOMAIN, got "
            f"the URL {reader.url!r}"
        )
        return replies.error(statuses.NOT_FOUND, message, close=close)
    if reader.method == b"HEAD":
        # Answered without a body, whatever its headers announce.
        reply = replies.error(statuses.METHOD_NOT_ALLOWED, "", close=close)
        return reply.partition(HEAD_END)[0] + HEAD_END
    name, target = destination
    head = reader.head(target)
    arrived_ns = now_ns()
    endpoint = dispatcher.authorize(name, reader.authorization, arrived_ns)
    result: Request | Refusal
    if isinstance(endpoint, Refusal):
        result = endpoint
    elif target == SCORE:
        result = dispatcher.arrive(endpoint, reader.pinned, reader.body, head, client, arrived_ns)
    else:
        result = dispatcher.arrive_aside(endpoint, reader.pinned, head, client, arrived_ns)
    if isinstance(result, Refusal):
        return replies.refusal(result, head=head, close=close)
    return result

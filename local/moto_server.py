"""The moto server that holds the local stack's data; it prints its address, and ends with stdin.

moto's transactions are not isolated: one that fails puts whole tables back as they were when it
began, and so undoes what others wrote meanwhile. One request at a time, none is lost.
"""

import sys
import threading
from collections.abc import Callable
from typing import Any

from moto.dynamodb.responses import DynamoHandler
from moto.dynamodbstreams.responses import DynamoDBStreamsHandler
from moto.server import ThreadedMotoServer

from local.moto_stream import use_streams_that_forget


def one_request_at_a_time() -> None:
    lock = threading.Lock()

    def alone(call_action: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def call_alone(request: Any) -> Any:
            with lock:
                return call_action(request)

        return call_alone

    # The stream's readers too: none hears of a change that is undone.
    handlers: tuple[Any, ...] = (DynamoHandler, DynamoDBStreamsHandler)
    for handler in handlers:
        handler.call_action = alone(handler.call_action)


if __name__ == "__main__":
    one_request_at_a_time()
    use_streams_that_forget()
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    print(f"http://{host}:{port}", flush=True)
    sys.stdin.read()

"""The moto server that holds the local stack's data; it prints its address, and ends with stdin.

moto's transactions are not isolated: one that fails puts whole tables back as they were when it
began, and so undoes what others wrote meanwhile. One request at a time, none is lost.
"""

import sys
import threading

from moto.dynamodb.responses import DynamoHandler
from moto.server import ThreadedMotoServer


def one_request_at_a_time() -> None:
    lock, call_action = threading.Lock(), DynamoHandler.call_action

    def call_alone(handler: DynamoHandler) -> object:
        with lock:
            return call_action(handler)

    DynamoHandler.call_action = call_alone  # type: ignore[method-assign]


if __name__ == "__main__":
    one_request_at_a_time()
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    print(f"http://{host}:{port}", flush=True)
    sys.stdin.read()

"""A process that inspects, as a warm function would: one JSON line in, one out, until the end.

The first line out says that it is warm: it has imported everything and built its client.
"""

import base64
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from benchmarks.variants import build


def main() -> None:
    name, endpoint_url, tools = sys.argv[1:]
    variant = build(name, endpoint_url, Path(tools))
    print("{}", flush=True)
    for line in sys.stdin:
        wanted = json.loads(line)
        began = time.perf_counter()
        try:
            answer = variant.inspect(wanted["key"], wanted["mime_type"], wanted["size"])
        except Exception as error:
            print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)
            continue
        ms = (time.perf_counter() - began) * 1000
        jpeg = base64.b64encode(answer.jpeg).decode()
        print(json.dumps({"ms": ms, "answer": {**asdict(answer), "jpeg": jpeg}}), flush=True)


if __name__ == "__main__":
    main()

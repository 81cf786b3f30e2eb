"""A tiny application under the production server, as a process of its own: `python -m tests.http.small_server PORT`."""

from __future__ import annotations

import os
import sys
import time

from flask import Flask, request

from api.serving import CannotListenError, open_socket, serve

LIMIT = 1 << 20


def main(port: int, draining_s: float) -> int:
    """Serve until stopped; 2 where the port is taken."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = LIMIT

    @app.route("/slow")
    def slow() -> str:
        os.write(1, b"working\n")
        time.sleep(float(request.args["seconds"]))
        return "done"

    @app.route("/length", methods=["POST"])
    def length() -> str:
        return str(len(request.get_data()))

    try:
        bound = open_socket("127.0.0.1", port)
    except CannotListenError as reason:
        print(reason, file=sys.stderr)
        return 2
    serve(app, bound, 2, lambda address: print(f"ready {address}", flush=True), lambda: LIMIT, draining_s)
    print("ended", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), float(sys.argv[2])))

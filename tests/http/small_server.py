"""A tiny application under the production server, as a process of its own."""

from __future__ import annotations

import os
import sys
import time

from flask import Flask, Response, jsonify, request

from api import connections
from api.receiving import REFUSAL
from api.serving import CannotListenError, open_socket, serve

LIMIT = 1 << 20
CONNECTIONS = 60


def main(port: int, draining_s: float, patience_s: float) -> int:
    """Serve until stopped; 2 where the port is taken.

    `patience_s` is how long the headers of a request may take, and how long its body may stop.
    """
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = LIMIT

    @app.before_request
    def refuse() -> tuple[Response, int] | None:
        refusal = request.environ.get(REFUSAL)
        return refusal and (jsonify({"code": int(refusal.code), **refusal.guidance()}), refusal.code.status)

    @app.route("/health")
    def health() -> str:
        return "alive"

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
    connections.HEADER_S = connections.STALL_S = patience_s
    connections.Channel.most_connections = CONNECTIONS
    serve(app, bound, 2, lambda address: print(f"ready {address}", flush=True), lambda: LIMIT, draining_s)
    print("ended", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), *map(float, sys.argv[2:])))

"""`bin/soak`: sends hundreds of requests to a server of its own, and fails on any error or if memory grows."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tools.cli.table import about
from tools.installation.soak import Load, portrait, soak
from tools.installation.trial import NoServerError, trial_server

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str]) -> int:
    """Return 0 if nothing failed, 1 if something did, 2 without a server."""
    asked = make_parser().parse_args(arguments)
    changes = {"SELECTED_MODELS": asked.models, "SCORE_TOL": "0", "ENROL_LIVENESS": "off", "FETCH_MODELS": "false"}
    changes |= {"REPLAY_POLICY": "off", "ALLOW_SKIP_LIVENESS": "true"}  # one photo has to do for all
    load = Load(asked.requests, asked.clients, asked.each)
    try:
        photo = portrait(asked.photo)
        with tempfile.TemporaryDirectory() as folder, trial_server(ROOT, Path(folder), changes) as server:
            went_well = soak(server, photo, load, lambda line: print(line, flush=True))
    except NoServerError as error:
        print(f"The server did not become ready: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"There is no photo to send: {error}", file=sys.stderr)
        return 2
    return 0 if went_well else 1


def make_parser() -> argparse.ArgumentParser:
    """Return what the command takes."""
    parser = argparse.ArgumentParser(prog="bin/soak", description=about(__doc__))
    parser.add_argument("--requests", type=int, default=200, help="requests in a row (200)")
    parser.add_argument("--clients", type=int, default=8, help="clients at once (8)")
    parser.add_argument("--each", type=int, default=24, help="requests of each client (24)")
    parser.add_argument("--models", default="Dlib", help="SELECTED_MODELS of the server (Dlib)")
    parser.add_argument("--photo", default="", help="a photo of one face (default: the one that matplotlib brings)")
    return parser

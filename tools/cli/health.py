"""`bin/faceapp health`."""

import click

from tools.cli.exits import DONE
from tools.cli.talking import Talk, talking


@click.command("health")
@talking
def command(talk: Talk) -> int:
    """Say whether the server can serve requests. Exit code 3: not now."""
    ready = talk.client.ready()
    engines = (ready.results.get("liveness") or {}).get("engines", [])
    talk.show(ready, f"Ready. Liveness: {', '.join(engines) or 'none'}")
    return DONE

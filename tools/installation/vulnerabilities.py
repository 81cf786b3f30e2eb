"""`bin/test`'s check of the pinned packages for published vulnerabilities, with pip-audit, where its source answers."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 120
_OPTIONS = ("--no-deps", "--disable-pip", "--progress-spinner", "off", "--timeout", "10", "-f", "json")


def main(argv: Sequence[str] | None = None) -> int:
    """Print what was found; returns 1 if a pinned package is vulnerable, 0 also where nothing could be checked."""
    requirements = list(argv or ["requirements.txt"])
    files = [option for name in requirements for option in ("-r", str(ROOT / name))]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pip_audit", *files, *_OPTIONS],
            capture_output=True, text=True, timeout=LIMIT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        print(f"skipped: the source of vulnerabilities did not answer within {LIMIT_S} s")
        return 0
    status, said = judged(done.stdout, done.stderr)
    print(said)
    return status


def judged(printed: str, errors: str) -> tuple[int, str]:
    """Return the exit status and what to say of pip-audit's JSON, which is missing where it could not work."""
    try:
        packages = json.loads(printed)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return 0, f"skipped: {(errors.strip().splitlines() or ['pip-audit printed nothing'])[-1]}"
    found = [f"{one['name']} {one['version']}: {bad['id']}" for one in packages for bad in one.get("vulns", ())]
    if found:
        return 1, "\n".join(found)
    unknown = [one for one in packages if "skip_reason" in one]
    if len(unknown) == len(packages):
        return 0, f"skipped: the source knows none of {len(packages)} packages"
    return 0, f"{len(packages) - len(unknown)} packages without a known vulnerability, {len(unknown)} not known"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

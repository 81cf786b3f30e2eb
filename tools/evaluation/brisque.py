"""BRISQUE (Mittal, Moorthy & Bovik 2012) for comparison: the general quality measure that the project's seed used.

The package does not run on NumPy 2, so it runs in its own virtual environment, which is created on first use.
"""

import json
import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

PACKAGES = (
    "brisque==0.2.0",
    "libsvm-official==3.37.0",
    "numpy==1.26.4",
    "opencv-python-headless==4.11.0.86",
    "pillow==12.0.0",
    "scikit-image==0.26.0",
    "scipy==1.16.3",
    "requests==2.32.5",
    "setuptools==80.9.0",
)
"""What the environment holds; the package still needs `setuptools`."""


class BrisqueUnavailable(Exception):  # noqa: N818 - a missing comparison, not a fault
    """The environment could not be made, or the package failed in it; the message says how."""


def brisque_scores(paths: Sequence[Path], environment: Path) -> list[float]:
    """Return BRISQUE's score of each image file, about 0 to 100, **lower is better**.

    `environment` is the virtual environment's folder; it is created if it is missing (half a minute, needs the
    package index). Takes about 0.1 s for a 250 x 250 image and core. Raises `BrisqueUnavailable`.
    """
    python = _python(environment)
    worker = Path(__file__).with_name("brisque_worker.py")
    listed = json.dumps([str(path.resolve()) for path in paths])
    done = subprocess.run(
        [str(python), "-I", str(worker), str(os.cpu_count() or 1)],
        input=listed, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise BrisqueUnavailable(f"brisque failed: {done.stderr.strip()[-500:]}")
    return [float(value) for value in json.loads(done.stdout)]


def _python(environment: Path) -> Path:
    """Return the environment's Python, created again if its list of packages has changed."""
    python = environment / "bin" / "python"
    stamp = environment / "packages.txt"
    if not stamp.is_file() or stamp.read_text() != "\n".join(PACKAGES):
        print(f"Creating an environment for brisque in {environment}", file=sys.stderr)
        venv.create(environment, with_pip=True, clear=True)
        install = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *PACKAGES]
        done = subprocess.run(install, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BrisqueUnavailable(f"pip failed: {done.stderr.strip()[-500:]}")
        stamp.write_text("\n".join(PACKAGES))
    return python

"""Pictures of the pages for the documentation: kept in docs/img where FACEAPP_PICTURES is set, else thrown away."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Page

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "img"
MOST_BYTES = 150_000


def keep(page: Page, name: str) -> None:
    """Take a picture of what is seen of a page; raises `ValueError` where it is too large for the documentation."""
    data = page.screenshot(animations="disabled")
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ValueError("the browser took no picture")
    data = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()
    if len(data) > MOST_BYTES:
        raise ValueError(f"{name}: {len(data)} bytes")
    if os.environ.get("FACEAPP_PICTURES"):
        FOLDER.mkdir(exist_ok=True)
        (FOLDER / f"{name}.png").write_bytes(data)

"""What the figures were measured on."""

import platform
from functools import cache
from pathlib import Path

from pipeline.parallel import usable_cores

_KNOWN = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "asimd", "bf16", "sve")
_CPUINFO = Path("/proc/cpuinfo")


def described() -> str:
    """Return the processor's name, the cores in use and the instruction sets that networks profit from."""
    name = _entry("model name") or platform.processor() or platform.machine()
    found = [one for one in _KNOWN if one in _flags()]
    return f"{name}, {usable_cores()} cores, {' '.join(found) or 'instruction sets unknown'}"


def has_avx512() -> bool:
    """Whether the processor has AVX-512; False where it cannot be told."""
    return "avx512f" in _flags()


def _flags() -> list[str]:
    return (_entry("flags") or _entry("Features")).split()


@cache
def _entry(name: str) -> str:
    """Return the first processor's entry in /proc/cpuinfo; empty where there is none."""
    lines = _CPUINFO.read_text(encoding="utf-8").splitlines() if _CPUINFO.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == name), "")

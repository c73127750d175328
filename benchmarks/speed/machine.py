"""What a figure was measured on: processor, cores, and whether it has bfloat16 units."""

import os
import platform
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


def describe() -> str:
    """`AMD EPYC, 2 cores, no bfloat16 units`."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    units = "bfloat16 units" if has_bfloat16() else "no bfloat16 units"
    name = _field("model name") or platform.processor() or platform.machine()
    return (
        f"{name} (family {_field('cpu family')}, model {_field('model')}), {cores} cores, {units}"
    )


def has_bfloat16() -> bool:
    """Whether the processor says that it multiplies matrices or vectors in bfloat16."""
    return bool({"amx_bf16", "avx512_bf16"} & set(_field("flags").split()))


def _field(name: str) -> str:
    """The first value of that name in /proc/cpuinfo; empty where there is none."""
    if not _CPUINFO.is_file():
        return ""
    for line in _CPUINFO.read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""

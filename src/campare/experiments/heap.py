"""Memory that arrays free stays with the process, for the next batch.

The C library gives large blocks back to the system as soon as they are free, and each batch then
waits for empty pages again: a fifth of the time of measures that ask a small network again.
"""

import ctypes
import os
import platform
from typing import Any

#: Blocks below so many bytes come from the heap, the most that glibc allows; so much free memory
#: at the end of the heap stays, and by so much it grows at once. Numbers of mallopt(3).
_OPTIONS = {-3: 2**25, -1: 2**29, -2: 2**26}


def keep_freed(library: Any = None) -> bool:
    """Keep up to 512 MB that are free in this process, on glibc; whether that was set.

    It is left alone where the environment sets it (MALLOC_..., GLIBC_TUNABLES).

    Example:
        >>> keep_freed() in (True, False)
        True
    """
    chosen = [name for name in os.environ if name.startswith(("MALLOC_", "GLIBC_TUNABLES"))]
    if chosen or platform.libc_ver()[0] != "glibc":
        return False
    mallopt = (library or ctypes.CDLL(None)).mallopt
    return all(mallopt(option, value) for option, value in _OPTIONS.items())

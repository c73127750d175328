"""How much of a mapped array is in memory."""

from pathlib import Path


def resident(array):
    """Bytes of an array in a file that are in the memory of this process, as Linux counts them."""
    start = array.__array_interface__["data"][0]
    found = None
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first, *rest = line.split()
        if "-" in first and not first.endswith(":"):
            low, high = (int(end, 16) for end in first.split("-"))
            inside = low <= start < high
        elif first == "Rss:" and inside:
            found = 1024 * int(rest[0])
    assert found is not None
    return found

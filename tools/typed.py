"""Type a page, line by line, as a person does who reads it: its sh and python blocks, in order.

    python tools/typed.py docs/index.md

Where it stands, with the programs on PATH. A line that fails ends it, with its exit status.
"""

import re
import subprocess
import sys
import time
from pathlib import Path

_BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.M | re.S)


def typed(markdown: str) -> list[list[str]]:
    """The commands of a page: each line of sh, each block of Python.

    Example:
        >>> typed("```sh\\nls -l  # all\\n```\\n```python\\nprint(1)\\n```\\n")
        [['bash', '-ec', 'ls -l  # all'], ['python', '-c', 'print(1)\\n']]
    """
    found = []
    for language, block in _BLOCK.findall(markdown):
        if language == "python":
            found.append(["python", "-c", block])
        else:
            found += [["bash", "-ec", line] for line in block.splitlines() if line.strip()]
    return found


def main() -> None:
    """Type the page that is named."""
    for command in typed(Path(sys.argv[1]).read_text("utf-8")):
        print(f"$ {command[-1].rstrip()}", flush=True)
        start = time.perf_counter()
        status = subprocess.run(command, check=False).returncode
        print(f"[{time.perf_counter() - start:.0f} s, status {status}]", flush=True)
        if status:
            sys.exit(status)


if __name__ == "__main__":
    main()

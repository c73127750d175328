"""Fuzz the readers: `python -m fuzz --minutes 10`, or `--number 100000`, `--target coco`.

Prints inputs and findings of each reader; a finding is kept in --out, and the exit status is 1.
"""

import argparse
import json
import logging
import random
import resource
import shutil
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import FrameType
from typing import Any

from campare.errors import CampareError
from fuzz.mutate import mutant
from fuzz.targets import TARGETS, chosen, folder

SECONDS = 2.0  # of the processor that an input may take
BYTES = 2 * 2**30  # of its own that the process may take; libraries are mapped and do not count


class TooLong(BaseException):
    """An input took longer than SECONDS; no reader catches this."""


@dataclass
class Found:
    """What a run counts of a target."""

    inputs: int = 0
    refused: int = 0
    findings: Counter[str] = field(default_factory=Counter)


def one(name: str, content: bytes) -> tuple[bool, str]:
    """Run a target: whether the input was refused, and the finding, '' where there is none."""
    target = TARGETS[name]
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        target.run(content)
    except (CampareError, *target.answers) as error:
        text = str(error)
        is_line = not isinstance(error, CampareError) or (
            text.startswith("Expected ") and ", got" in text and " Try" in text
        )
        return True, "" if is_line else f"no line: {text[:200]!r}"
    except TooLong:
        return False, _place("TooLong")
    except Exception as error:
        return False, _place(f"{type(error).__name__}: {str(error)[:120]}")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return False, ""


def _place(what: str) -> str:
    """The finding by the deepest line of campare, under which it is counted."""
    frames = [f for f in traceback.extract_tb(sys.exc_info()[2]) if f.filename != __file__]
    own = [frame for frame in frames if "/campare/" in frame.filename] or frames
    return f"{what.partition(':')[0]} at {Path(own[-1].filename).name}:{own[-1].lineno} ({what})"


def _late(_: int, __: FrameType | None) -> None:
    raise TooLong


def fuzz(
    *, seed: int, number: int | None, minutes: float | None, names: list[str], out: Path | None
) -> dict[str, Found]:
    """Run until there were so many inputs or minutes."""
    rng = random.Random(seed)
    found = {name: Found() for name in names}
    ends = time.monotonic() + 60 * minutes if minutes else float("inf")
    done = 0
    while time.monotonic() < ends and (number is None or done < number):
        for name in chosen(rng, names, min(500, (number or 500) - done if number else 500)):
            content = mutant(rng, TARGETS[name].seeds, TARGETS[name].kind)
            refused, finding = one(name, content)
            of = found[name]
            of.inputs += 1
            of.refused += refused
            done += 1
            if finding:
                key = finding.partition(" (")[0]
                if key not in of.findings:
                    print(f"{name}: {finding}", flush=True)
                    _keep(out, name, content)
                of.findings[key] += 1
    return found


def _keep(out: Path | None, name: str, content: bytes) -> None:
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / f"{name.replace(' ', '-')}-{sha256(content).hexdigest()[:8]}").write_bytes(content)


def table(found: dict[str, Found]) -> str:
    """Inputs, how many were refused, and findings, of each target and in all."""
    rows = [(n, f.inputs, f.refused, f.findings.total()) for n, f in found.items()]
    rows.append(("all", *(sum(row[i] for row in rows) for i in (1, 2, 3))))  # type: ignore[arg-type]
    return "\n".join(
        [f"{'reader':<22}{'inputs':>12}{'refused':>12}{'findings':>10}"]
        + [
            f"{name:<22}{inputs:>12,}{refused:>12,}{bad:>10,}"
            for name, inputs, refused, bad in rows
        ]
    )


def quiet() -> None:
    """Limits of the process, and nothing printed by libraries."""
    signal.signal(signal.SIGPROF, _late)
    resource.setrlimit(resource.RLIMIT_DATA, (BYTES, resource.RLIM_INFINITY))
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)


def main(words: list[str] | None = None) -> int:
    """The exit status: 1 where there are findings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--number", type=int)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--target", action="append", choices=[*TARGETS])
    parser.add_argument("--out", type=Path, default=Path("build/fuzz"))
    given: Any = parser.parse_args(words)
    seed = given.seed if given.seed is not None else int(time.time())
    quiet()
    started = time.monotonic()
    try:
        found = fuzz(
            seed=seed,
            number=given.number,
            minutes=given.minutes or (None if given.number else 10),
            names=given.target or [*TARGETS],
            out=given.out,
        )
    finally:
        shutil.rmtree(folder(), ignore_errors=True)
    print(f"seed {seed}, {time.monotonic() - started:.0f} s")
    print(table(found))
    facts = {n: [f.inputs, f.refused, dict(f.findings)] for n, f in found.items()}
    given.out.mkdir(parents=True, exist_ok=True)
    with (given.out / "runs.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"seed": seed, "found": facts}) + "\n")
    return int(any(f.findings for f in found.values()))


if __name__ == "__main__":
    sys.exit(main())

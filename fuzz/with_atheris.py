"""The same readers, led by which lines of campare an input reaches (atheris, libFuzzer).

`python -m fuzz.with_atheris --minutes 1 --target coco` with fuzz/requirements.txt installed.
It stops at the first finding, which libFuzzer keeps in --out.
"""

import argparse
import random
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["campare"]):
    from fuzz.__main__ import one, quiet
    from fuzz.mutate import mutant
    from fuzz.targets import TARGETS


def main() -> None:
    """Run one target; libFuzzer ends the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--target", choices=[*TARGETS], required=True)
    parser.add_argument("--out", type=Path, default=Path("build/fuzz"))
    given = parser.parse_args()
    target, corpus = TARGETS[given.target], given.out / "corpus" / given.target.replace(" ", "-")
    corpus.mkdir(parents=True, exist_ok=True)
    for index, seed in enumerate(target.seeds):
        (corpus / f"seed-{index}").write_bytes(seed)

    def run(content: bytes) -> None:
        _, finding = one(given.target, content)
        if finding:
            raise AssertionError(finding)

    def mutate(content: bytes, largest: int, seed: int) -> bytes:
        """libFuzzer's own mutants, and now and then one that stays valid."""
        rng = random.Random(seed)
        found = (
            mutant(rng, target.seeds, target.kind)
            if rng.random() < 0.2
            else atheris.Mutate(content, largest)
        )
        return bytes(found[:largest])

    quiet()
    words = [sys.argv[0], str(corpus), f"-max_total_time={60 * given.minutes:.0f}", "-max_len=4096",
             f"-artifact_prefix={given.out}/", "-print_final_stats=1"]  # fmt: skip
    atheris.Setup(words, run, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

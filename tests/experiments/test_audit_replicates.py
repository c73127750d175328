"""Audits of several models of a way of training: what a study says of its arms."""

import polars as pl
import pytest
from audited import DRAWN, network, quick

import campare
from campare import audit
from campare.errors import RunError
from campare.runs.run import Run
from campare.stats.stored import comparison_of


@pytest.fixture(scope="module")
def replicates(tmp_path_factory):
    """Files of two arms, one with a replicate less."""
    path = tmp_path_factory.mktemp("replicates")
    for arm, seeds in (("plain", 3), ("other", 2)):
        for seed in range(seeds):
            network(seed=10 * seeds + seed, rescale=1 / 255).save(path / f"{arm}-{seed}.keras")
    return path


@pytest.fixture(scope="module")
def replicated(replicates):
    arms = {"plain": f"{replicates}/plain-*.keras", "other": f"{replicates}/other-*.keras"}
    audit(arms, DRAWN, metrics=["energy", "entropy", "correct"], out=replicates / "r")
    return Run.open(replicates / "r")


class TestReplicates:
    """Several models of a way of training: what a study says of its arms."""

    def test_each_file_is_a_replicate(self, replicated, replicates):
        assert set(replicated.manifest.cells) == {
            "plain-0",
            "plain-1",
            "plain-2",
            "other-0",
            "other-1",
        }
        rows = (
            replicated.scores()
            .group_by("recipe")
            .agg(pl.col("seed").unique().sort())
            .sort("recipe")
        )
        assert rows["seed"].to_list() == [[0, 1], [0, 1, 2]]
        (plain, other) = replicated.manifest.recipe_fields
        assert plain["replicates"], other["replicates"] == (3, 2)
        assert plain["files"] == [f"{replicates}/plain-{seed}.keras" for seed in range(3)]

    def test_rows_are_those_of_each_model_alone(self, replicated, replicates):
        alone = quick({"plain": replicates / "plain-2.keras"}).frame
        own = replicated.scores().filter(
            (pl.col("recipe") == "plain") & (pl.col("seed") == 2) & (pl.col("metric") == "energy")
        )
        energy = alone.filter(pl.col("metric") == "energy")
        assert own["value"].to_list() == energy["value"].to_list()

    def test_intervals_are_over_replicates_and_images(self, replicated):
        comparison = comparison_of(replicated)
        row = comparison.effects.filter(pl.col("metric") == "energy").row(0, named=True)
        assert (row["contrast"], row["seeds"]) == ("other - plain", 2)
        assert all(answer.kind != "limit" or answer.seeds == 2 for answer in comparison.answers)
        page = (replicated.path / "report.html").read_text("utf-8")
        assert "2 arms, 5 models" in page
        assert "cells are not finished" not in page
        assert "Does the training recipe change" in page

    def test_one_model_each_says_what_it_cannot_say(self, replicates):
        models = {"plain": replicates / "plain-0.keras", "other": replicates / "other-0.keras"}
        found = quick(models).compare()
        (limit,) = [answer for answer in found.answers if answer.kind == "limit"]
        assert "speaks of these models, not of the ways" in limit.text

    def test_more_replicates_go_on_where_the_audit_stopped(self, replicates, monkeypatch):
        out = replicates / "grown"
        arms = {"plain": [replicates / "plain-0.keras"], "other": [replicates / "other-0.keras"]}
        quick(arms, metrics=["energy"], out=out)
        arms["plain"].append(replicates / "plain-1.keras")
        evaluated = []
        real = campare.experiments.audit.evaluate
        monkeypatch.setattr(
            campare.experiments.audit,
            "evaluate",
            lambda *args, **more: evaluated.append(args[3].name) or real(*args, **more),
        )
        quick(arms, metrics=["energy"], out=out)
        assert evaluated == ["plain-1"]
        assert set(Run.open(out).manifest.cells) == {"plain-0", "plain-1", "other-0"}

    def test_another_file_in_the_name_of_a_measured_one_is_refused(self, replicates):
        out = replicates / "swapped"
        quick({"plain": [replicates / "plain-0.keras", replicates / "plain-1.keras"]}, out=out)
        with pytest.raises(RunError, match=r"weights of 'plain-1'"):
            quick({"plain": [replicates / "plain-0.keras", replicates / "plain-2.keras"]}, out=out)

    def test_factors_of_arms_are_judged_as_those_of_recipes(self, replicates):
        path = replicates / "arms.yaml"
        path.write_text(
            "plain: {files: plain-*.keras, factors: {pre-training: false, optimizer: sgd}}\n"
            "other: {files: other-*.keras, factors: {pre-training: false, optimizer: adam}}\n"
            "third: {files: plain-0.keras, factors: {pre-training: true, optimizer: sgd}}\n"
        )
        found = quick(path, metrics=["energy"]).compare()
        assert set(found.factors["contrast"]) == {"pre-training", "optimizer"}
        pair = found.design.filter(pl.col("contrast") == "other - plain").row(0, named=True)
        assert (pair["factor"], pair["together"]) == ("optimizer", [])

    def test_models_in_memory(self):
        found = quick({"a": [network(seed=0), network(seed=1)], "b": network(seed=2)})
        cells = found.frame.select("recipe", "seed").unique().sort("recipe", "seed")
        assert cells.rows() == [("a", 0), ("a", 1), ("b", 0)]

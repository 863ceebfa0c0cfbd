"""reproduce: cells are evaluated once, a killed call goes on, what cannot be asked says why."""

from __future__ import annotations

import shutil

import pytest

from mindleaf.errors import BadInput
from mindleaf.stages.data_at_hand import DataAtHand
from mindleaf.stages.reproduce import Asked, Block, Entrant, EvaluationTable, Published, fill_evaluations

METRICS = (("balanced_accuracy", "balanced_accuracy"),)
TABLE = EvaluationTable(
    "a table",
    (
        Block("kul", "attention", "between_trial", METRICS, settings=("protocol.n_folds=2",)),
        Block("kul", "classify:nothing", "between_trial", METRICS, published=False),
        Block("dtu", "attention", "between_trial", METRICS),
    ),
    (Entrant("bandpower_lr", "band power", "bandpower_lr"), Entrant("wonder", "a wonder", "wonder")),
    (Published("bandpower_lr", "kul", "balanced_accuracy", "0.9", "0.1"), Published("wonder", "dtu", "balanced_accuracy", "1.0")),
)


@pytest.fixture(scope="module")
def data(toy_store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    shutil.copytree(toy_store.path, folder / "kul")
    return folder


def rows(page, sheet: int) -> dict[str, tuple[str, ...]]:
    return {row[0]: row[1:] for row in page.sheets[sheet].rows}


def test_ours_stand_beside_the_printed_values(data, tmp_path):
    page = fill_evaluations(TABLE, Asked(DataAtHand(data, tmp_path, (), 0, True), tmp_path, quiet=True))
    done, impossible, absent = (rows(page, k) for k in range(3))
    metric, ours, interval, chance, printed, status, audit = done["band power"]
    assert 0 <= float(ours) <= 1 and "…" in interval and chance == "0.500" and printed == "0.9 ± 0.1"
    assert (metric, status) == ("balanced_accuracy", "ok") and audit != "none"
    assert done["a wonder"][5].startswith("not built")
    assert impossible["band power"][5].startswith("not applicable") and "nothing" in impossible["band power"][5]
    assert absent == {"a wonder": ("balanced_accuracy", "–", "–", "–", "1.0", "data not at hand", "–")}
    assert len(page.drawings) == 1 and "<svg" in page.drawings[0].svg


def test_what_was_evaluated_is_not_evaluated_again(data, tmp_path):
    asked = Asked(DataAtHand(data, tmp_path, (), 0, True), tmp_path, quiet=True)
    first = fill_evaluations(TABLE, asked)
    (result,) = tmp_path.glob("cells/*/results.json")
    written = result.stat().st_mtime_ns
    again = fill_evaluations(TABLE, asked)
    assert result.stat().st_mtime_ns == written and again.sheets == first.sheets
    # Killed between the result and the note that it is whole: this cell is evaluated again.
    (result.parent / "cell.json").unlink()
    assert fill_evaluations(TABLE, asked).sheets == first.sheets
    assert result.stat().st_mtime_ns != written


def test_folders_are_found_by_name(data, tmp_path):
    (tmp_path / "eegmmidb_s001").mkdir()
    (tmp_path / "openbmi_ssvep").mkdir()
    assert set(DataAtHand(tmp_path, tmp_path / "out", (), 0, True).names) == {"eegmmidb", "openbmi_ssvep", "synthetic"}
    with pytest.raises(BadInput, match="one folder per data set"):
        DataAtHand(tmp_path / "nowhere", tmp_path / "out", (), 0, True)

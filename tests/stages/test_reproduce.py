"""reproduce: cells are evaluated once, a killed call goes on, what cannot be asked says why."""

from __future__ import annotations

import shutil

import pytest

from mindleaf.errors import BadInput
from mindleaf.stages.cells import Cell
from mindleaf.stages.data_at_hand import DataAtHand
from mindleaf.stages.question import EvaluateConfig
from mindleaf.stages.reproduce import (
    COLUMNS,
    Asked,
    Block,
    Entrant,
    EvaluationTable,
    Published,
    _interval,
    _titled,
    fill_evaluations,
    verdict,
)

#: Place of the status in a row without its title.
STATUS = COLUMNS.index("status") - 1
METRICS = (("balanced_accuracy", "balanced_accuracy"),)
TABLE = EvaluationTable(
    "a table",
    (
        Block("kul", "attention", "between_trial", METRICS, settings=("protocol.n_folds=2",)),
        Block("kul", "classify:nothing", "between_trial", METRICS, published=False),
        Block("dtu", "attention", "between_trial", METRICS),
    ),
    (Entrant("bandpower_lr", "band power", "bandpower_lr"), Entrant("wonder", "a wonder", "wonder", told=True)),
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
    band = dict(zip(COLUMNS[1:], done["band power"], strict=True))
    assert 0 <= float(band["ours"]) <= 1 and "…" in band["95 % interval"] and band["chance"] == "0.500"
    assert band["published"] == "0.9 ± 0.1" and (band["metric"], band["status"]) == ("balanced_accuracy", "ok")
    n, unit, windows, _ = band["over"].split()
    assert int(n) > 1 and unit in ("trials,", "subjects,") and int(windows) >= int(n)
    assert " passed, " in band["audit"] or band["audit"].startswith("FAILS")
    assert done["a wonder"][STATUS] == "not built" and done["a wonder"][0] == "all"
    assert impossible["band power"][STATUS].startswith("not applicable") and "nothing" in impossible["band power"][STATUS]
    assert absent == {"a wonder": ("balanced_accuracy", *["–"] * 4, "1.0", "told the answer", "not built", "–")}
    assert band["how published"] == "no leak known" and impossible["band power"][STATUS - 1] == "–"
    assert [sheet.title for sheet in page.sheets][-1].startswith("dtu")
    assert len(page.drawings) == 1 and "<svg" in page.drawings[0].svg


def test_what_a_row_says_of_itself():
    """One trial gives no interval, however many windows it has; weights that were given are named; skipped is not passed."""
    one = {"ci95": [None, None], "unit": "trial", "n_units": 1}
    assert _interval(one, 30) == ("none: one trial", "1 trial, 30 windows")
    six = {"ci95": [0.4, 0.8], "unit": "subject", "n_units": 6}
    assert _interval(six, 90) == ("0.400 … 0.800", "6 subjects, 90 windows")
    entrant = Entrant("mindmix", "MindMix", "mindmix")
    assert _titled(entrant, {"weights": "align-1"}) == "MindMix, align-1" and _titled(entrant, {"weights": "none"}) == "MindMix"
    audit = [{"control": "a", "status": "pass"}, {"control": "b", "status": "skipped"}]
    assert verdict(audit) == "1 passed, 1 skipped" and verdict([]) == "none"
    assert verdict([*audit, {"control": "c", "status": "fail"}]) == "FAILS c"


def test_a_split_carries_its_mark_without_data():
    block = Block(
        "kul", "attention", "data_efficiency", METRICS, settings=("protocol.of=random_windows", "protocol.shares=[0.5]")
    )
    assert block.mark == "LEAKY" and Block("kul", "attention", "blocked", METRICS).mark == "WITHIN-TRIAL"
    assert Block("kul", "attention", "data_efficiency", METRICS).mark == ""


def test_equal_cells_of_two_tables_are_one(toy_store):
    config = EvaluateConfig(task="attention", protocol="between_trial")
    first, other = Cell("mindmix", config, toy_store.path), Cell("mindmix", config, toy_store.path)
    assert first.name() == other.name() and Cell("trf", config, toy_store.path).name() != first.name()


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


def test_stores_keep_their_own_name(toy_store, tmp_path):
    for name in ("synthetic", "our_listeners"):
        shutil.copytree(toy_store.path, tmp_path / "data" / name)
    at_hand = DataAtHand(tmp_path / "data", tmp_path, (), 0, True)
    assert set(at_hand.names) == {"synthetic", "our_listeners"} and at_hand.able("attention") == ["synthetic", "our_listeners"]
    assert at_hand.store("synthetic").path == tmp_path / "data" / "synthetic" and at_hand.able("emotion") == []
    with pytest.raises(BadInput, match=r"synthetic\.preset=easy: .* taken as it is"):
        DataAtHand(tmp_path / "data", tmp_path, ("synthetic.preset=easy",), 0, True)


def test_folders_are_found_by_name(data, tmp_path):
    (tmp_path / "eegmmidb_s001").mkdir()
    (tmp_path / "openbmi_ssvep").mkdir()
    assert set(DataAtHand(tmp_path, tmp_path / "out", (), 0, True).names) == {"eegmmidb", "openbmi_ssvep", "synthetic"}
    with pytest.raises(BadInput, match="one folder per data set"):
        DataAtHand(tmp_path / "nowhere", tmp_path / "out", (), 0, True)

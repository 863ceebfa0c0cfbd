"""Every table and figure of the MindMix paper has a reproduction, and every printed value stands in it."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from mindleaf.datasets import DATASETS
from mindleaf.errors import BadInput
from mindleaf.recipes import mindmix_facts, mindmix_figures, mindmix_tables
from mindleaf.recipes.mindmix_tables import published
from mindleaf.recipes.reproductions import REPRODUCTIONS, _asked, reproduced
from mindleaf.stages.data_at_hand import DataAtHand
from mindleaf.stages.explain import CIRCULAR
from mindleaf.stages.reproduce import COLUMNS, Asked, cell_of, fill_evaluations
from mindleaf.store.files import read_json
from mindleaf.systems import SYSTEMS
from mindleaf.systems.registry import build_system
from mindleaf.tasks import build_task

PAPER = {*(f"table{n}" for n in (1, 2, 3)), *(f"tableA{n}" for n in range(1, 10)), "figure4", "figure5"}


class NothingAtHand(DataAtHand):
    """A person without any data, not even generated ones."""

    names = ()


@pytest.fixture
def nothing(tmp_path) -> NothingAtHand:
    return NothingAtHand(None, tmp_path, (), 0, True)


def test_every_table_and_figure_is_there():
    assert {name.removeprefix("mindmix:") for name in REPRODUCTIONS if name.startswith("mindmix:")} == PAPER


@pytest.mark.parametrize("name", mindmix_tables.TABLES)
def test_every_printed_value_stands_in_its_table(name, nothing, tmp_path):
    page = fill_evaluations(mindmix_tables.TABLES[name](nothing), Asked(nothing, tmp_path, quiet=True))
    place, status = COLUMNS.index("published"), COLUMNS.index("status")
    shown = sorted(row[place] for sheet in page.sheets for row in sheet.rows if row[place] != "–")
    table = name.removeprefix("table") if name.startswith("table") else "2"
    values = published(table)
    if name == "figure4":  # the bars of the paper's own system alone, without their printed numbers
        values = tuple(v for v in values if v.entrant == "mindmix" and v.metric == "balanced_accuracy" and v.dataset != "madeeg")
    assert shown == sorted(map(str, values))
    said = {row[status].partition(":")[0] for sheet in page.sheets for row in sheet.rows}
    assert said <= {"data not at hand", "not applicable", "not asked", mindmix_tables._HUBERT.partition(":")[0]}
    assert any("Not at hand" in note for note in page.notes)
    leaky = {
        sheet.title for sheet in page.sheets if "random_windows" in sheet.title or "eeg4emo: emotion, data_eff" in sheet.title
    }
    assert {sheet.title for sheet in page.sheets if sheet.mark == "LEAKY"} == leaky


def test_what_figure_5_prints_is_called_circular(nothing, tmp_path):
    page = mindmix_figures.figure5(Asked(nothing, tmp_path, quiet=True))
    rows = {sheet.title: sheet.rows for sheet in page.sheets}
    assert rows == {p.dataset: ((CIRCULAR, "data not at hand", p.value),) for p in published("figure5")}


class EverythingAtHand(DataAtHand):
    """Every data set, all of them the same store."""

    names = tuple(DATASETS)
    path = Path()

    def store(self, name):
        return SimpleNamespace(path=self.path)


@pytest.mark.parametrize("name", mindmix_tables.TABLES)
def test_rows_of_one_question_ask_different_things(name, tmp_path):
    at_hand = EverythingAtHand(None, tmp_path, (), 0, True)
    table = mindmix_tables.TABLES[name](at_hand)
    for block in table.blocks:
        cells = [
            cell_of(block, entrant, Asked(at_hand, tmp_path)) for entrant in table.entrants if entrant.takes_part(block.task)
        ]
        asked = [(cell.system, cell.config.fingerprint()) for cell in cells]
        assert len(set(asked)) == len(asked), block
        for cell in cells:
            if cell.system in SYSTEMS:
                task = build_task(cell.config.task)
                build_system(cell.system, cell.config.settings_of(cell.system), task.asks)


def test_windows_fit_into_the_trials_of_the_sets_with_labels(tmp_path):
    """Windows of 2 s left eegmmidb, whose trials are 1 s of imagery, without a score in Table A7."""
    for block in mindmix_tables.table_a7(EverythingAtHand(None, tmp_path, (), 0, True)).blocks:
        start_s, stop_s = DATASETS[block.dataset].facts.interval or (0.0, 2.0)
        assert block.windows_s[0] <= stop_s - start_s, block


def test_between_data_sets_mindmix_hears_what_both_keep(tmp_path):
    """Waveforms in training and envelopes in the test left Table A8 without a score."""
    at_hand = EverythingAtHand(None, tmp_path, (), 0, True)
    table = mindmix_tables.table_a8(at_hand)
    hears = next(entrant for entrant in table.entrants if entrant.key == "mindmix")
    for block in table.blocks:
        wished = cell_of(block, hears, Asked(at_hand, tmp_path, ('mindmix.audio="mel"',))).config.settings_of("mindmix")
        assert [setting for setting in wished if setting.startswith("audio")] == ['audio="envelope"', 'audio="mel"']


@pytest.mark.parametrize("name", ["mindmix:table3", "mindmix:table1", "mindmix:figure5"])
def test_a_setting_that_reaches_nothing_is_refused(name, tmp_path):
    with pytest.raises(BadInput, match=r"mindmx\.training"):
        reproduced(name, None, tmp_path, ("mindmx.training.steps=5",), quiet=True)


def test_a_page_says_how_it_was_asked_and_names_no_place(tmp_path):
    (tmp_path / "home" / "weights").mkdir(parents=True)
    settings = (
        f"mindmix.start={tmp_path / 'home' / 'weights'}",
        f"mindmix.audio=mel:{tmp_path / 'home'}",
        "mindmix.training.steps=3",
    )
    assert _asked(settings, 7).startswith(
        "Settings: mindmix.start=weights, mindmix.audio=mel:home, mindmix.training.steps=3. Seed 7"
    )
    assert "Training was changed" in _asked(settings, 7) and "Training" not in _asked(("protocol.n_folds=2",), 7)
    report = reproduced("mindmix:table1", None, tmp_path / "out", quiet=True).read_text()
    assert "Settings: as they come. Seed 0" in report and str(tmp_path) not in report


def test_stores_of_ones_own_are_asked_too(toy_store, tmp_path):
    shutil.copytree(toy_store.path, tmp_path / "data" / "our_listeners")
    at_hand = DataAtHand(tmp_path / "data", tmp_path, (), 0, True)
    asked = {(block.dataset, block.task) for block in mindmix_tables.table2(at_hand).blocks}
    assert ("our_listeners", "attention") in asked and ("our_listeners", "emotion") not in asked


def test_what_stands_still_is_not_called_unbuilt():
    hubert = next(entrant for entrant in mindmix_tables._ABLATIONS if entrant.key == "hubert")
    assert hubert.system in SYSTEMS and not hubert.takes_part("attention") and "weights" in hubert.why_not


@pytest.mark.parametrize("name", ["table1", "tableA2", "tableA3", "tableA4"])
def test_what_the_code_itself_can_tell(name, nothing, tmp_path, monkeypatch):
    monkeypatch.setattr(mindmix_facts, "_RUNS", 1)
    page = mindmix_facts.PAGES[name](nothing)
    page.write(tmp_path / "out")
    assert read_json(tmp_path / "out" / "table.json")["sheets"][0]["rows"]
    assert page.title in (tmp_path / "out" / "report.html").read_text()


def test_settings_as_printed_are_those_built(nothing):
    (sheet,) = mindmix_facts.table_a2(nothing).sheets
    assert [row for row in sheet.rows if row[1] != "–" and row[1] != row[2]] == []


def test_parameters_as_printed_but_for_their_sum(nothing):
    (sheet,) = mindmix_facts.table_a4(nothing).sheets
    here = {row[0]: int(row[1].replace(",", "")) for row in sheet.rows}
    assert here["wav2vec2-base"] == 94_371_712
    assert here["CALRA without the type aligner"] == 1_203_584
    assert 100e6 < here["sum of the three"] < 102e6


def test_an_unknown_name_lists_those_there_are(tmp_path):
    with pytest.raises(BadInput, match="mindmix:tableA5"):
        reproduced("mindmix:table99", None, tmp_path / "out")
    assert not (tmp_path / "out").exists()

"""Channel names, the electrode table, positions and the report of what became of the names."""

from __future__ import annotations

import warnings

import mne
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindleaf.errors import BadInput
from mindleaf.montage import (
    ALIASES,
    ELECTRODES,
    OTHER,
    ChannelReport,
    Montage,
    clean_name,
    electrode_index,
    electrode_indices,
    layout_positions,
)

LEAF_65 = (
    "Fpz AFz Fz FCz Cz CPz Pz POz Oz Fp1 Fp2 AF7 AF3 AF4 AF8 F7 F5 F3 F1 F2 F4 F6 F8 "
    "FT9 FT7 FC5 FC3 FC1 FC2 FC4 FC6 FT8 FT10 T7 C5 C3 C1 C2 C4 C6 T8 TP9 TP7 CP5 CP3 CP1 CP2 CP4 CP6 TP8 TP10 "
    "P7 P5 P3 P1 P2 P4 P6 P8 PO7 PO3 PO4 PO8 O1 O2"
)
BIOSEMI_128 = tuple(f"{bank}{number}" for bank in "ABCD" for number in range(1, 33))


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("EEG Fp1", "Fp1"),
        ("EEG FP1-REF", "Fp1"),
        ("eeg fz-le", "Fz"),
        ("EEG-Cz", "Cz"),
        ("Fc5.", "FC5"),
        ("Cz..", "Cz"),
        ("  oz ", "Oz"),
        ("F4-M1", "F4"),
        ("C3-A2", "C3"),
        ("T3", "T7"),
        ("EEG T6-REF", "P8"),
        ("FFC5H", "FFC5h"),
        ("EEG A2-A1", "A2-A1"),
        ("M1-M2", "M1-M2"),
        ("Fpz-Cz", "Fpz-Cz"),
        ("FP1-F7", "FP1-F7"),
        ("A1", "A1"),
        ("EEG 061", "EEG 061"),
        ("EOG-left", "EOG-left"),
        ("EEG", "EEG"),
    ],
)
def test_names_are_cleaned(raw, name):
    assert clean_name(raw) == name


@given(st.text(max_size=12).filter(str.strip))
def test_cleaning_twice_changes_no_electrode(raw):
    name = clean_name(raw)
    assert name
    if name in ELECTRODES:
        assert clean_name(name) == name


def test_the_table_holds_what_mne_has_and_no_name_twice():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        standard = mne.channels.make_standard_montage("standard_1005").ch_names
    assert set(ELECTRODES) | set(ALIASES) == set(standard)
    assert len({name.casefold() for name in ELECTRODES}) == len(ELECTRODES) == OTHER
    assert set(LEAF_65.split()) <= set(ELECTRODES) and len(LEAF_65.split()) == 65


def test_the_table_only_ever_grows():
    # Trained models keep these row numbers.
    assert {name: electrode_index(name) for name in ("Fp1", "Cz", "T7", "Oz", "A2", "AFp9", "CPP5h")} == {
        "Fp1": 0,
        "Cz": 41,
        "T7": 37,
        "Oz": 81,
        "A2": 89,
        "AFp9": 90,
        "CPP5h": ELECTRODES.index("CPP5h"),
    }
    assert electrode_index("T3") == electrode_index("T7")
    assert electrode_index("gauge 7") == OTHER


def test_positions_are_metres_in_head_coordinates():
    montage, _ = Montage.from_names(["Cz", "T7", "T8", "Fpz", "Oz"])
    cz, t7, t8, fpz, oz = montage.positions
    assert np.all(np.linalg.norm(montage.positions, axis=1) < 0.2)
    assert cz[2] == montage.positions[:, 2].max()
    assert t7[0] < -0.05 and t8[0] > 0.05 and fpz[1] > 0.05 and oz[1] < -0.05


def test_a_file_like_eegmat_is_reported():
    montage, report = Montage.from_names(["EEG Fp1", "EEG T3", "EEG Cz", "EEG A2-A1", "ECG ECG"])
    assert montage.names == ("Fp1", "T7", "Cz", "A2-A1", "ECG ECG")
    assert report.matched == ("Fp1", "Cz") and report.aliased == {"EEG T3": "T7"} and report.other == ("A2-A1", "ECG ECG")
    assert str(report) == "2 matched, 1 aliased (EEG T3=T7), 2 other (A2-A1 ECG ECG)"
    assert np.isnan(montage.positions[3:]).all() and not np.isnan(montage.positions[:3]).any()
    assert montage.indices.tolist() == [electrode_index(name) for name in montage.names]


def test_biosemi_names_are_no_ten_twenty_names():
    montage, report = Montage.from_names(BIOSEMI_128)
    assert montage.names == BIOSEMI_128 and len(report.other) == 128 and not report.matched
    assert (montage.indices == OTHER).all() and (electrode_indices(BIOSEMI_128) == OTHER).all()
    assert (montage.select(["C3", "A1"]).indices == OTHER).all()
    assert Montage.from_names(["A1", "C3"])[0].indices.tolist() == [electrode_index("A1"), electrode_index("C3")]
    placed, _ = Montage.from_names(BIOSEMI_128, [layout_positions("biosemi128")[name] for name in BIOSEMI_128])
    assert not np.isnan(placed.positions).any()


def test_an_eye_channel_e1_makes_no_biosemi():
    montage, _ = Montage.from_names(["E1", "E2", "C3", "A1"])
    assert montage.indices.tolist() == [OTHER, OTHER, electrode_index("C3"), electrode_index("A1")]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["Fz", ""], "channel without a name: channel 2 of 2"),
        (["Fz", "  "], "channel without a name"),
        (["EEG Fz", "FZ"], "'EEG Fz' and 'FZ' both mean Fz"),
        (["T3", "T7"], "both mean T7"),
        (["X1", "X1"], "both mean X1"),
    ],
)
def test_empty_and_double_names_are_refused(names, message):
    with pytest.raises(BadInput, match=message):
        Montage.from_names(names)


def test_positions_must_fit_and_be_metres():
    with pytest.raises(BadInput, match=r"wanted shape \(2, 3\)"):
        Montage.from_names(["Fz", "Cz"], np.zeros((1, 3)))
    with pytest.raises(BadInput, match="divide millimetres by 1000"):
        Montage.from_names(["Fz"], [[0.0, 80.0, 20.0]])
    montage, _ = Montage.from_names(["Fz", "Cz"], [[0.0, 0.08, 0.02], [np.nan] * 3])
    assert montage.positions[0].tolist() == [0.0, 0.08, 0.02]
    assert np.array_equal(montage.positions[1], layout_positions()["Cz"])


def test_channels_are_found_by_any_spelling():
    montage, _ = Montage.from_names(["Fz", "T7", "odd"])
    assert [montage.index(name) for name in ("FZ", "T3", "odd")] == [0, 1, 2]
    assert montage.select(["odd", "Fz"]).names == ("odd", "Fz")
    assert montage.select([]).positions.shape == (0, 3)
    with pytest.raises(BadInput, match="there are: Fz, T7, odd"):
        montage.index("Oz")


def test_mne_gets_the_same_positions():
    montage, _ = Montage.from_names(["Fz", "Oz", "unknown"])
    info = montage.info(128.0)
    assert info["sfreq"] == 128.0 and info.ch_names == ["Fz", "Oz", "unknown"]
    placed = np.array([channel["loc"][:3] for channel in info["chs"]])
    np.testing.assert_allclose(placed[:2], montage.positions[:2])
    assert not placed[2].any() or np.isnan(placed[2]).all()


def test_montages_compare_by_value_and_cannot_be_changed():
    first, second = Montage.from_names(["Fz", "odd"])[0], Montage.from_names(["EEG Fz", "odd"])[0]
    assert first == second and hash(first) == hash(second) and first != first.select(["odd"])
    with pytest.raises(ValueError, match="read-only"):
        first.positions[0] = 0.0


def test_an_unknown_layout_is_refused():
    with pytest.raises(BadInput, match="biosemi128"):
        layout_positions("biosemi127")


def test_a_report_stays_on_one_line():
    report = ChannelReport(matched=("Fz",), interpolated=tuple(f"C{k}" for k in range(9)), dropped=("ECG",))
    assert str(report) == "1 matched, 9 interpolated (C0 C1 C2 C3 C4 C5 and 3 more), 1 dropped (ECG)"

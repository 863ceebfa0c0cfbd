"""Brennan 2018: words and segments on the EEG's clock, and the 300 ms that an ignored offset costs."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from mindleaf.datasets.brennan2018 import DATASET, SFREQ, USED, read_proc, segment_samples, word_samples
from mindleaf.errors import BadInput, ReadError

from .layouts.brennan2018 import FIRST, write, write_listener, write_proc


def _published(real_data, subject):
    with (real_data / f"brennan2018/sub-{subject}_task-alicelistening_events.tsv").open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.mark.parametrize("subject", ["001", "003"])
def test_trap_2_real_words_stand_where_the_published_events_have_them_and_not_300_ms_earlier(real_data, subject):
    trl, _ = read_proc(real_data / f"brennan2018/proc/S{subject[1:]}.mat")
    published = np.array([float(row["onset"]) for row in _published(real_data, subject)])
    assert len(published) == 2129
    assert np.abs(word_samples(trl) / SFREQ - published).max() < 1e-9
    assert np.allclose(published - trl[:, 0] / SFREQ, 0.3)


@pytest.mark.parametrize("subject", ["001", "003"])
def test_real_segments_start_where_the_published_words_put_them(real_data, subject):
    """Word onset = segment start + the word's second in its sound, rounded up to the next sample: for every one of 2129."""
    trl, _ = read_proc(real_data / f"brennan2018/proc/S{subject[1:]}.mat")
    starts = segment_samples(trl)
    assert list(starts) == list(range(1, 13))
    if subject == "001":
        assert starts[1] / SFREQ == pytest.approx(3.726)
    with (real_data / "brennan2018/AliceChapterOne-EEG.csv").open(newline="", encoding="utf-8-sig") as file:
        words = {int(row["Order"]): float(row["onset"]) for row in csv.DictReader(file)}
    for row, order in zip(_published(real_data, subject), trl[:, 5], strict=True):
        exact = starts[int(row["segment"])] + words[int(order)] * SFREQ
        assert float(row["onset"]) * SFREQ == pytest.approx(np.ceil(exact - 1e-6), abs=1e-6)
        assert row["stim_file"] == f"DownTheRabbitHoleFinal_SoundFile{row['segment']}.wav"


def test_real_bad_channels(real_data):
    assert read_proc(real_data / "brennan2018/proc/S01.mat")[1] == ("22", "24", "31", "32", "36", "49", "60")


def test_events_are_words_and_neither_sound_nor_eye_is_a_channel(tmp_path):
    write(tmp_path)
    first = next(iter(DATASET.recordings(tmp_path)))
    assert first.events[0].onset == pytest.approx((FIRST["S01"] + 23) / SFREQ)
    assert all(name.isdigit() for name in first.channel_names)
    assert np.isfinite(first.montage.positions).all()


def test_channels_called_bad_are_left_out(tmp_path):
    write(tmp_path)
    write_listener(tmp_path, "S01", bad=("24", "61"), copy_of_sound="Aux5")
    first = next(iter(DATASET.recordings(tmp_path)))
    assert len(first.channel_names) == 58
    assert not {"24", "61"} & set(first.channel_names)
    assert [issue.code for issue in first.issues] == ["channels_bad"]
    assert first.load(5, 9).shape == (58, 4)


def test_only_listeners_of_the_paper(tmp_path):
    assert len(USED) == 33
    write(tmp_path)
    assert [source.name for source in DATASET.sources(tmp_path)] == ["S01.mat", "S03.mat"]
    for name in ("S01.mat", "S03.mat"):
        (tmp_path / name).unlink()
    with pytest.raises(BadInput, match="1 recordings that the paper leaves out"):
        list(DATASET.sources(tmp_path))


def test_files_that_are_missing_or_of_another_kind(tmp_path):
    write(tmp_path)
    (tmp_path / "proc" / "S01.mat").unlink()
    with pytest.raises(BadInput, match=r"unpack proc\.zip"):
        list(DATASET.recordings(tmp_path))
    write_proc(tmp_path, "S01")
    (tmp_path / "audio" / "DownTheRabbitHoleFinal_SoundFile7.wav").unlink()
    with pytest.raises(BadInput, match=r"SoundFile7\.wav"):
        list(DATASET.recordings(tmp_path))
    (tmp_path / "S01.mat").write_bytes((tmp_path / "proc" / "S01.mat").read_bytes())
    with pytest.raises(ReadError, match="'raw'"):
        list(DATASET.recordings(tmp_path))

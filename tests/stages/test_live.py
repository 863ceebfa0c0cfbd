"""live and calibrate from a fresh install: the synthetic listener, a file with its sounds, a recorded session, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from mindleaf.live.events import Decision, Mark
from mindleaf.live.linear import read_linear, write_linear
from mindleaf.stages.live import Asked, LiveStage, live, open_session
from mindleaf.stages.live_figures import answered, figures, switch_delay
from mindleaf.stages.live_fit import fit_linear, framed, slope_of, synthetic_listeners
from mindleaf.stages.live_sources import synthetic_source
from tests.stages.command import mindleaf, worked

FAST = ("--source", "synthetic", "--speed", "inf")
ALONE = (*FAST, "--no-page")


@pytest.fixture(scope="module")
def session(tmp_path_factory) -> tuple[Path, str]:
    """Forty seconds of the synthetic listener, recorded, and what was printed."""
    folder = tmp_path_factory.mktemp("live") / "session"
    return folder, worked("live", *ALONE, "--for", 40, "--record", folder, "--set", "turn_every_s=20").out


def test_a_fresh_install_follows_the_synthetic_listener(session):
    lines = session[1].splitlines()
    assert any("-- running" in line for line in lines) and any("attention turns to right (female)" in line for line in lines)
    accuracy = float(next(line.split()[1] for line in lines if line.startswith("accuracy")))
    assert accuracy > 0.7


def test_a_recorded_session_is_said_again_word_for_word(session):
    folder, said = session

    def spoken(text: str) -> list[str]:
        return [line for line in text.splitlines() if " s  " in line]

    assert spoken(worked("live", "--source", f"session:{folder}", "--no-page").out) == spoken(said)


def test_quiet_prints_the_figures_and_no_line_before_them():
    said = worked("live", *ALONE, "--quiet", "--for", 8).out.splitlines()
    assert said[0].startswith("windows") and not [line for line in said if " s  " in line]


def test_a_file_with_its_sounds(tmp_path):
    import pybv

    source = synthetic_source(LiveStage().synthetic, 5, float("inf"))
    items = [item for _ in range(1300) for item in source.take() or [] if not isinstance(item, Mark)]
    source.close()
    eeg = np.concatenate([item.samples for item in items if item.info.kind == "eeg"])
    sound = np.concatenate([item.samples for item in items if item.info.kind == "audio"])
    pybv.write_brainvision(
        data=1e-6 * eeg.T, sfreq=128, ch_names=source.eeg.channels, fname_base="eeg", folder_out=str(tmp_path), unit="µV"
    )
    for k, name in enumerate("ab"):
        soundfile.write(tmp_path / f"{name}.wav", sound[:, k], 16_000)
    asked = Asked(f"replay:{tmp_path / 'eeg.vhdr'}", audio=f"wav:{tmp_path / 'a.wav'},{tmp_path / 'b.wav'}", speed=float("inf"))
    said: list[str] = []
    found = live(asked, say=said.append)
    assert found["windows"] > 40 and found["no_decision"] == 0.0
    assert sum("  a  " in line for line in said) > 2 * sum("  b  " in line for line in said)


def test_calibrate_and_live_with_it(tmp_path):
    out = tmp_path / "me.json"
    told = json.loads(worked("calibrate", *FAST, "--out", out, "--for", 100, "--set", "turn_every_s=35", "--json").out)
    assert json.loads(out.read_text()) == told
    assert told["accuracy"] > 0.65 and told["ci95"][0] <= told["accuracy"] <= told["ci95"][1] and told["slope"] > 1
    assert told["left_out"] == [] and told["lag"]["status"] in ("aligned", "not told") and told["lag_s"] == 0.0
    session = open_session(Asked("synthetic", calibration=out, speed=float("inf")))
    assert session.decoder.config.slope == told["slope"]
    session.source.close()
    again = mindleaf("calibrate", *FAST, "--out", out)
    assert "there already" in again.complaint


REFUSED = {
    "a source of no kind": (("--source", "magic"), "--source wants"),
    "a source without a name": (("--source", "replay:"), "--source wants"),
    "a file without sounds": (("--source", "session:nowhere"), "recorded live session"),
    "a model that is not there": (("--source", "synthetic", "--model", "nowhere"), "--model wants"),
    "no speed": (("--source", "synthetic", "--speed", "0"), "--speed"),
    "no such setting": (("--source", "synthetic", "--set", "live.hops=1"), "hops"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_is_refused_with_one_sentence(what):
    words, sentence = REFUSED[what]
    assert sentence in mindleaf("live", *words).complaint


def decided(stop: float, choice: int, right: int = 0) -> Decision:
    probability = (0.8, 0.2) if choice == 0 else (0.2, 0.8)
    return Decision(0, stop, probability, probability, probability, choice, "", ("",), stop + 0.1)


def test_figures_of_a_session_that_is_known_by_hand():
    events = [Mark(0.0, "attend:0"), Mark(50.0, "attend:1")]
    events += [decided(4.5 + k, 0) for k in range(50)] + [decided(54.5 + k, 1) for k in range(40)]
    found = figures(events, 4.0)
    # The turn shows at 54.5 s; windows that hold it do not count.
    assert switch_delay(events) == pytest.approx(4.5)
    rows = answered(events, 4.0)
    assert not ((rows.stop > 50) & (rows.stop < 54)).any()
    assert found["accuracy"] == 1.0 and found["no_decision"] == 0.0 and found["delay_s"] == pytest.approx(0.1)
    assert found["ece"] == pytest.approx(0.2) and found["bits_per_minute"] == pytest.approx(15.0)
    assert np.isnan(switch_delay([Mark(0.0, "attend:0"), decided(4.5, 0)]))


def test_a_decoder_fitted_on_one_listener_is_kept_and_read(tmp_path):
    config, weights = read_linear(Path(str(__import__("mindleaf").__path__[0])) / "live/decoders/synthetic")
    listeners = synthetic_listeners(1, 60.0, 9, LiveStage().synthetic)
    fitted, new = fit_linear([framed(one, config) for one in listeners], config)
    assert new.shape == weights.shape and 0 <= fitted.figures["accuracy"] <= 1
    write_linear(tmp_path / "mine", fitted, new)
    assert np.allclose(read_linear(tmp_path / "mine")[1], new, atol=1e-6)


def test_the_slope_of_scores_that_say_nothing_is_low():
    rng = np.random.default_rng(0)
    assert slope_of(rng.standard_normal((500, 2))) < 0.3
    assert slope_of(np.stack([rng.normal(1.0, 1.0, 2000), rng.normal(0.0, 1.0, 2000)], axis=1)) == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize("form", ["tiny", "linear"])
def test_an_aligned_model_scores_live(tmp_path, form):
    """Untrained, so what it says means nothing; that it is said, finite, from causal EEG and heard sound, is the point."""
    from mindleaf.models.alignment import AlignedConfig
    from mindleaf.models.facts import ModelFacts
    from mindleaf.models.folder import save_model
    from mindleaf.systems.neural import audio_frontend

    frontend = audio_frontend("mel")
    facts = ModelFacts(n_audio_features=frontend.n_features, audio="mel", audio_fingerprint=frontend.fingerprint())
    config = AlignedConfig.preset(form)
    save_model(tmp_path / "run", config.build(facts), config, facts, "card")
    said: list[str] = []
    found = live(Asked("synthetic", model=str(tmp_path / "run"), speed=float("inf")), seconds=8.0, say=said.append)
    assert found["windows"] > 5 and found["no_decision"] == 0.0

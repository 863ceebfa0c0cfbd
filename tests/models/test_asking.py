"""Free questions: where the choices come from, what is answered, what is warned of, what is refused."""

import importlib.util

import mne
import numpy as np
import pytest
import torch

from mindleaf.errors import BadInput
from mindleaf.models.asking import choices_in
from mindleaf.models.facts import ModelFacts
from mindleaf.models.folder import load_model, save_model
from mindleaf.models.language import LanguageConfig
from mindleaf.tasks.wording import wording

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*electrodes are interpolated:UserWarning"),
    pytest.mark.skipif(
        importlib.util.find_spec("sentence_transformers") is None, reason="needs the package sentence-transformers"
    ),
]
NAMES = ["Fp1", "Fp2", "C3", "C4", "Pz", "O1", "O2"]
QUESTION = "Is the person doing mental arithmetic or resting?"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from mindleaf.encoders.sentence import SentenceEncoder

    texts = SentenceEncoder()
    tasks = (
        wording("eegmat", "rest and mental arithmetic", ("arithmetic", "rest")),
        wording("mi", "motor imagery", ("left", "right")),
    )
    facts = ModelFacts(text="minilm", text_fingerprint=texts.fingerprint, text_width=texts.width, tasks=tasks, pipeline="leaf")
    torch.manual_seed(0)
    config = LanguageConfig.preset("tiny")
    folder = tmp_path_factory.mktemp("asked") / "run"
    save_model(folder, config.build(facts).write(texts), config, facts, "card")
    return load_model(folder)


def eeg(seconds: float = 10.0, sfreq: float = 250.0) -> np.ndarray:
    return 10 * np.random.default_rng(0).standard_normal((len(NAMES), round(seconds * sfreq)))


@pytest.mark.parametrize(
    ("question", "choices"),
    [
        (QUESTION, ("doing mental arithmetic", "resting")),
        ("left hand, right hand, or both feet?", ("left hand", "right hand", "both feet")),
        ("What is this?", ()),
    ],
)
def test_choices_are_read_from_the_question(question, choices):
    assert choices_in(question) == choices


def test_raw_epochs_and_arrays_are_answered_alike(model):
    info = mne.create_info(NAMES, 250.0, "eeg", verbose="error")
    raw = mne.io.RawArray(1e-6 * eeg(), info, verbose="error")
    of_raw, of_array = model.ask(raw, QUESTION), model.ask((eeg(), NAMES, 250.0), QUESTION)
    assert of_raw.probabilities.shape == (2, 2)
    np.testing.assert_allclose(of_raw.probabilities.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(of_raw.probabilities, of_array.probabilities, atol=1e-4)
    epochs = mne.make_fixed_length_epochs(raw, 2.0, preload=True, verbose="error")
    assert model.ask(epochs, QUESTION).probabilities.shape == (5, 2)
    assert set(of_raw.mean) == {"doing mental arithmetic", "resting"} and "eegmat" in str(of_raw)


@pytest.mark.filterwarnings("error:.*unlike all tasks")
def test_a_question_like_a_trained_task_is_no_matter_of_warning(model):
    answer = model.ask((eeg(), NAMES, 250.0), QUESTION)
    assert answer.nearest_task == "eegmat" and answer.likeness > 0.5


def test_a_question_unlike_all_trained_tasks_is_warned_of(model):
    with pytest.warns(UserWarning, match="unlike all tasks"):
        model.ask((eeg(), NAMES, 250.0), "Will the price of copper rise or fall?")


@pytest.mark.parametrize(
    ("given", "question", "words"),
    [
        ((eeg(), NAMES, 250.0), "What is this?", "two choices"),
        ((eeg(1.0), NAMES, 250.0), QUESTION, "at least 4 s"),
        ((eeg(), NAMES[:2], 250.0), QUESTION, "one name per channel"),
        ("file.edf", QUESTION, "MNE Raw"),
    ],
)
def test_what_cannot_be_answered_is_refused(model, given, question, words):
    with pytest.raises(BadInput, match=words):
        model.ask(given, question)

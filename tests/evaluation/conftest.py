from __future__ import annotations

import pytest
from toy_listeners import Decoder, listening_store

from mindleaf.evaluation.predict import run_system
from mindleaf.protocols import BetweenTrial
from mindleaf.tasks import Attention


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    return listening_store(tmp_path_factory.mktemp("toy") / "store")


@pytest.fixture(scope="session")
def folds(store):
    return BetweenTrial(n_folds=3).folds(store.index, seed=0)


@pytest.fixture(scope="session")
def decoder_run(store, folds):
    return run_system("decoder", Decoder, store, None, Attention(), folds, [2.0, 5.0], seed=0, train_window_s=2.0)

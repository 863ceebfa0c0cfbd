"""Encoders of the package braindecode: the package's own numbers, names mapped or refused, weights read whole or not at all."""

import importlib.util
import sys
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from mindleaf.encoders.cbramod import CBraModConfig
from mindleaf.encoders.eegnet import EEGNetConfig
from mindleaf.encoders.labram import LabramConfig
from mindleaf.encoders.torchaudio_import import import_torchaudio
from mindleaf.encoders.weights import load_weights
from mindleaf.errors import BadInput, ReadError
from mindleaf.montage import ELECTRODES, OTHER, electrode_indices
from tests.models.small_batches import noise_batch

N_ELECTRODES = len(ELECTRODES)
NAMES = ("Cz", "O2", "Fp1", "T7", "FTT9h")


@pytest.fixture
def theirs():
    if importlib.util.find_spec("torchaudio"):
        import_torchaudio()
    return pytest.importorskip("braindecode.models")


@pytest.fixture
def batch():
    """Two seconds of five channels, in no particular order."""
    index = torch.from_numpy(electrode_indices(NAMES))
    return replace(noise_batch(2, channels=5, context=0), channel_index=index.expand(2, -1))


def stirred(network: torch.nn.Module) -> torch.nn.Module:
    """In evaluation, with weights that are all different from where they start."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    return network.eval()


def count(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@torch.no_grad()
def test_labram_says_what_the_package_says(theirs, batch):
    encoder = LabramConfig(depth=2, heads=4, features=4, max_patches=2).build(N_ELECTRODES)
    stirred(encoder.network)
    tokens, mask = encoder(batch)
    own = encoder.network(batch.eeg, ch_names=list(NAMES), return_patch_tokens=True)
    torch.testing.assert_close(tokens, own)
    assert mask.all()


@torch.no_grad()
def test_cbramod_says_what_the_package_says(theirs, batch):
    encoder = CBraModConfig.preset("tiny").build(N_ELECTRODES)
    stirred(encoder.network)
    order = batch.channel_index[0].argsort()
    own = encoder.network(batch.eeg[:, order])
    torch.testing.assert_close(encoder(batch)[0].unflatten(1, (5, 2))[:, order], own)


@torch.no_grad()
def test_eegnet_says_what_the_package_says(theirs, batch):
    encoder = stirred(EEGNetConfig.preset("tiny").build(N_ELECTRODES))
    own = encoder.network(encoder.spatial(batch))
    assert own.shape == (2, 8, 1, 20)  # ten steps a second
    tokens = encoder(batch)[0]
    torch.testing.assert_close(tokens[:, 1].unflatten(1, (10, 8)), own[:, :, 0, 10:].transpose(1, 2))


def test_the_base_sizes_are_the_package_s_own(theirs):
    signal = {"n_times": 3200, "n_chans": 32, "n_outputs": 1}
    sizes = {
        "Labram": (LabramConfig.preset("base").build(N_ELECTRODES), theirs.Labram(**signal)),
        "CBraMod": (CBraModConfig.preset("base").build(N_ELECTRODES), theirs.CBraMod(return_encoder_output=True, **signal)),
        "EEGNet": (EEGNetConfig.preset("base").build(N_ELECTRODES), theirs.EEGNet(final_layer_with_constraint=True, **signal)),
    }
    for name, (encoder, network) in sizes.items():
        assert count(encoder.network) == count(network) - count(network.final_layer), name
    # LaBraM-base (MINDMIX, section 7: 5,824,736 with the patch CNN) without biases of queries, keys and values, plus tables.
    assert count(sizes["Labram"][0].network.blocks) == 12 * (
        4 * 200 + 40 * 2 + 3 * 200 * 200 + 200 * 200 + 200 + 2 * 200 * 800 + 1000 + 400
    )


def test_labram_maps_names_and_leaves_out_what_it_does_not_know(theirs, batch):
    encoder = LabramConfig.preset("tiny").build(N_ELECTRODES).eval()
    index = batch.channel_index.clone()
    index[:, 1] = OTHER
    with pytest.warns(UserWarning, match="1 of 5 channels"):
        tokens, mask = encoder(replace(batch, channel_index=index))
    assert mask.unflatten(1, (5, 2)).all(2).tolist() == [[True, False, True, True, True]] * 2
    assert not tokens.unflatten(1, (5, 2))[:, 1].any()
    with pytest.raises(BadInput, match="10-10 names"):
        encoder(replace(batch, channel_index=torch.full_like(index, OTHER)))


@pytest.mark.parametrize("config", [LabramConfig(depth=1, features=4, max_patches=4), CBraModConfig(depth=1, max_patches=4)])
def test_too_long_a_window_is_refused_with_what_to_do(theirs, config):
    with pytest.raises(BadInput, match="set chunk=4"):
        config.build(N_ELECTRODES)(noise_batch(1, channels=2, seconds=5, context=0))


def test_weights_that_the_package_saved_are_taken_over_whole(theirs, tmp_path, batch):
    """Their model has a head of its own; of the encoder every tensor is filled."""
    sizes = {"num_layers": 1, "num_heads": 4, "conv_out_channels": 4}
    saved = stirred(theirs.Labram(n_times=400, n_chans=5, n_outputs=3, **sizes))
    save_file(saved.state_dict(), tmp_path / "model.safetensors")
    encoder = LabramConfig(depth=1, heads=4, features=4, max_patches=2).build(N_ELECTRODES)
    n = load_weights(encoder.network, tmp_path)
    assert n == len(saved.state_dict()) - 2 == len(encoder.network.state_dict())
    for name, tensor in encoder.network.state_dict().items():
        assert torch.equal(tensor, saved.state_dict()[name]), name
    longer = LabramConfig(depth=1, heads=4, features=4, max_patches=3).build(N_ELECTRODES)
    with pytest.raises(ReadError, match=rf"{n - 1} of {n} tensors.*temporal_embedding is \(1, 3, 100\), wanted \(1, 4, 100\)"):
        load_weights(longer.network, tmp_path)


def test_without_the_package_one_sentence_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "braindecode", None)
    with pytest.raises(BadInput, match="pip install braindecode"):
        CBraModConfig.preset("tiny").build(N_ELECTRODES)


# What holds for weights of any network.


def network(width: int = 3) -> torch.nn.Module:
    torch.manual_seed(width)
    return torch.nn.Sequential(torch.nn.Linear(2, width), torch.nn.BatchNorm1d(width))


@pytest.mark.parametrize("file", ["w.safetensors", "w.pt", "w.pth", "w.bin"])
@pytest.mark.parametrize("whole", [True, False])
def test_weights_from_a_file_or_the_only_one_of_a_folder(tmp_path, file, whole):
    state = {**network().state_dict(), "final_layer.weight": torch.ones(2)}
    if file.endswith("safetensors"):
        save_file(state, tmp_path / file)
    else:
        torch.save({"state_dict": state, "epoch": 3}, tmp_path / file)
    taken = network()
    torch.nn.init.zeros_(taken[0].weight)
    assert load_weights(taken, tmp_path / file if whole else tmp_path) == 7
    assert all(torch.equal(tensor, state[name]) for name, tensor in taken.state_dict().items())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: s.pop("0.bias"), "6 of 7 tensors fit the encoder .0.bias is missing"),
        (lambda s: s.update(extra=torch.ones(1)), "7 of 7 tensors fit the encoder .extra is left over"),
        (lambda s: s.update({"0.weight": torch.ones(3, 4)}), r"0.weight is \(3, 4\), wanted \(3, 2\)"),
    ],
)
def test_weights_that_do_not_fit_fill_nothing(tmp_path, change, says):
    state = network().state_dict()
    change(state)
    save_file(state, tmp_path / "w.safetensors")
    other = network()
    torch.nn.init.ones_(other[0].weight)
    with pytest.raises(ReadError, match=says):
        load_weights(other, tmp_path)
    assert (other[0].weight == 1).all()


class Payload:
    """A pickle that would run code when opened."""

    def __reduce__(self):
        return (print, ("opened",))


def test_files_that_are_no_weights_are_refused(tmp_path, capsys):
    with pytest.raises(BadInput, match="found none"):
        load_weights(network(), tmp_path)
    torch.save({"0.weight": Payload()}, tmp_path / "code.pt")
    with pytest.raises(ReadError, match="plain tensors"):
        load_weights(network(), tmp_path)
    assert "opened" not in capsys.readouterr().out
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(BadInput, match="2 files"):
        load_weights(network(), tmp_path)
    with pytest.raises(ReadError, match="dictionary"):
        load_weights(network(), tmp_path / "list.pt")
    (tmp_path / "cut.safetensors").write_bytes(b"\x10\x00\x00")
    with pytest.raises(ReadError, match=r"cut\.safetensors"):
        load_weights(network(), tmp_path / "cut.safetensors")

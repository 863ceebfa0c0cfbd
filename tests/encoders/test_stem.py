from dataclasses import replace

import torch

from mindleaf.encoders.audio_tower import AudioTower
from mindleaf.encoders.stem import BandPowerStem, SpatialFilter, TemporalStem, filter_bank
from mindleaf.layers.fitted_norm import fit_norms
from tests.models.small_batches import noise_batch


def awake(stem: torch.nn.Module) -> torch.nn.Module:
    """Parts that start at zero get weights, so that a test can see them."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in stem.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return stem.eval()


def test_two_seconds_and_the_context_give_100_frames_without_padding():
    stem = awake(TemporalStem(12, 3))
    batch = noise_batch(2, seconds=2.0, context=80)
    frames = stem(batch, 100)
    assert frames.shape == (2, 100, 3)
    longer = replace(batch, eeg=torch.nn.functional.pad(batch.eeg, (0, 50), value=9.0))
    torch.testing.assert_close(stem(longer, 100), frames)


def test_a_frame_reads_the_eeg_from_its_own_moment_to_the_context_after_it():
    stem = awake(TemporalStem(12, 2, depth=3))
    batch = noise_batch(1, seconds=2.0, context=80)
    eeg = batch.eeg.clone().requires_grad_()
    stem(replace(batch, eeg=eeg), 100)[0, 30].sum().backward()
    touched = eeg.grad.abs().sum(dim=(0, 1)).nonzero().squeeze()
    assert touched.min() >= 30 * 4
    assert touched.max() < 30 * 4 + 84
    assert touched.max() > 30 * 4 + 70


def test_the_linear_rung_is_linear_and_any_length_works():
    stem = TemporalStem(12, 2, depth=0).eval()
    batch = noise_batch(1, seconds=7.0)
    doubled = replace(batch, eeg=2 * batch.eeg)
    torch.testing.assert_close(stem(doubled, 350), 2 * stem(batch, 350))


def test_channel_order_padding_and_unnamed_channels():
    spatial = awake(SpatialFilter(12, 4))
    batch = noise_batch(2, channels=4)
    batch = replace(batch, channel_index=torch.tensor([[0, 12, 12, 3]]).expand(2, -1))
    order = torch.tensor([2, 0, 3, 1])
    turned = replace(
        batch,
        eeg=batch.eeg[:, order],
        channel_index=batch.channel_index[:, order],
        positions=batch.positions[:, order],
    )
    padded = replace(
        batch,
        eeg=torch.nn.functional.pad(batch.eeg, (0, 0, 0, 2), value=5.0),
        channel_index=torch.nn.functional.pad(batch.channel_index, (0, 2)),
        positions=torch.nn.functional.pad(batch.positions, (0, 0, 0, 2)),
        channel_mask=torch.nn.functional.pad(batch.channel_mask, (0, 2)),
    )
    for other in (turned, padded):
        torch.testing.assert_close(spatial(other), spatial(batch), atol=1e-5, rtol=1e-5)


def test_a_known_subject_has_a_matrix_and_an_unknown_one_has_none():
    spatial = SpatialFilter(12, 4, n_subjects=2)
    batch = noise_batch(1, channels=4)
    plain = spatial(replace(batch, subject=torch.tensor([-1])))
    torch.nn.init.normal_(spatial.subjects)
    torch.testing.assert_close(spatial(replace(batch, subject=torch.tensor([-1]))), plain)
    assert not torch.allclose(spatial(replace(batch, subject=torch.tensor([0]))), plain)
    assert not torch.allclose(
        spatial(replace(batch, subject=torch.tensor([0]))), spatial(replace(batch, subject=torch.tensor([1])))
    )


def test_band_power_rises_with_amplitude():
    stem = BandPowerStem(12, filters=32).eval()
    batch = noise_batch(2)
    batch = replace(batch, eeg=10.0 * batch.eeg)
    louder = replace(batch, eeg=3.0 * batch.eeg)
    torch.testing.assert_close(stem(louder) - stem(batch), torch.full((2, 32), 2.1972246), atol=2e-2, rtol=0)


def test_a_last_batch_of_one_window_trains_like_any_other():
    """33 windows in batches of 32 end so; its scale is the one so far, which it leaves as it is."""
    stem = BandPowerStem(12, filters=8).train()
    stem(noise_batch(6))
    before = stem.scale.running_var.clone()
    one = stem(noise_batch(1, seed=3))
    torch.testing.assert_close(one, stem.eval()(noise_batch(1, seed=3)))
    one.sum().backward()
    assert torch.equal(stem.scale.running_var, before) and stem.mix.weight.grad.abs().sum() > 0


def test_the_filter_bank_answers_at_its_own_frequency():
    taps = filter_bank(20, 200, 200.0, (2.0, 40.0))[:, 0]
    spectrum = torch.fft.rfft(taps, n=2000).abs()
    peaks = spectrum.argmax(dim=1) / 10.0
    torch.testing.assert_close(peaks, torch.linspace(2.0, 40.0, 20), atol=0.5, rtol=0)


def test_the_audio_tower_keeps_streams_and_frames():
    tower = awake(AudioTower(3, 5))
    audio = torch.rand(2, 4, 3, 60)
    frames = tower(audio)
    assert frames.shape == (2, 4, 60, 5)
    torch.testing.assert_close(frames[1, 2], tower(audio[1:2, 2:3])[0, 0], atol=1e-6, rtol=1e-5)


def test_a_window_without_a_usable_channel_has_no_band_power_and_leaves_the_scale_alone():
    torch.manual_seed(0)
    stem, batch = BandPowerStem(12), noise_batch(8, seconds=2.0)
    silent = torch.arange(8) == 3
    mask = batch.channel_mask & ~silent[:, None]
    with_silence = replace(batch, eeg=torch.where(silent[:, None, None], 0.0, batch.eeg), channel_mask=mask)
    fit_norms(stem, [[with_silence]], stem)
    mean = stem.scale.running_mean.clone()
    others = replace(
        batch, **{name: getattr(batch, name)[~silent] for name in ("eeg", "channel_index", "positions", "channel_mask")}
    )
    fresh = BandPowerStem(12)
    fresh.load_state_dict(stem.state_dict())
    fresh.scale.reset_running_stats()
    fit_norms(fresh, [[others]], fresh)
    torch.testing.assert_close(mean, fresh.scale.running_mean)
    said = stem.eval()(with_silence)
    assert said[3].abs().max() == 0 and said[~silent].abs().max() > 0
    torch.testing.assert_close(said[~silent], stem(others))

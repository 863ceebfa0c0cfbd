"""From currents in the brain to potentials at electrodes: a spherical head, computed by MNE, nothing downloaded."""

from __future__ import annotations

from dataclasses import dataclass

import mne
import numpy as np
from numpy.typing import NDArray

from mindleaf.montage import Montage

#: Electrodes the simulated amplifier subtracts (their mean), as linked mastoids would be.
REFERENCE = ("TP9", "TP10")
_NINETEEN = "Fp1 Fp2 F7 F3 Fz F4 F8 T7 C3 Cz C4 T8 P7 P3 Pz P4 P8 O1 O2"
_SIXTEEN = "Fp1 Fp2 F3 Fz F4 T7 C3 Cz C4 T8 P3 Pz P4 O1 Oz O2"
_THIRTY_TWO = f"{_SIXTEEN} F7 F8 AF3 AF4 FC5 FC1 FC2 FC6 CP5 CP1 CP2 CP6 P7 P8 PO3 PO4"
_SIXTY_FOUR = (
    f"{_THIRTY_TWO} Fpz AF7 AF8 AFz F1 F2 F5 F6 FT7 FT8 FC3 FC4 FCz C1 C2 C5 C6 "
    "TP7 TP8 CP3 CP4 CPz P1 P2 P5 P6 P9 P10 PO7 PO8 POz Iz"
)
#: Cap layouts by number of channels, 10-20/10-10 names.
CAPS: dict[int, tuple[str, ...]] = {
    len(names.split()): tuple(names.split()) for names in (_SIXTEEN, _NINETEEN, _THIRTY_TWO, _SIXTY_FOUR)
}
#: Sphere in head coordinates (metres) that fits the electrode positions of the standard table.
SPHERE_CENTRE = (0.0, 0.014, 0.039)
HEAD_RADIUS = 0.098


@dataclass(frozen=True)
class Head:
    """One cap on one head. ``leadfield(positions, moments)`` gives microvolts per unit current."""

    montage: Montage
    _with_reference: Montage

    def leadfield(self, positions: NDArray[np.float64], moments: NDArray[np.float64]) -> NDArray[np.float64]:
        """Topographies of current dipoles, shape (channel, dipole), referenced; microvolts per nA m.

        positions: (dipole, 3) metres, head coordinates, within the brain's sphere; moments: (dipole, 3) unit vectors.
        Four concentric spheres (Berg and Scherg 1994, as implemented in MNE).
        """
        sphere = mne.make_sphere_model(r0=SPHERE_CENTRE, head_radius=HEAD_RADIUS, verbose="error")
        source = mne.setup_volume_source_space(pos={"rr": positions, "nn": moments}, mindist=0.0, verbose="error")
        forward = mne.make_forward_solution(
            self._with_reference.info(100.0), trans=None, src=source, bem=sphere, meg=False, mindist=0.0, verbose="error"
        )
        free = forward["sol"]["data"].reshape(len(self._with_reference.names), len(positions), 3)
        fixed = np.einsum("cdx,dx->cd", free, moments) * 1e-3  # V per A m = 1e-3 uV per nA m
        return fixed[: len(self.montage.names)] - fixed[len(self.montage.names) :].mean(axis=0)

    def blink_topography(self) -> NDArray[np.float64]:
        """Relative strength of a blink at each electrode, (channel,): falls off exponentially with distance from the eyes."""
        eyes = np.array([(-0.03, 0.09, 0.0), (0.03, 0.09, 0.0)])
        distance = np.linalg.norm(self.montage.positions[:, None] - eyes, axis=-1).min(axis=1)
        strength = np.exp(-distance / 0.035)
        return strength / strength.max()


def head(n_channels: int) -> Head:
    """The head with a standard cap of ``n_channels`` (16, 19, 32 or 64)."""
    names = CAPS[n_channels]
    return Head(Montage.from_names(names)[0], Montage.from_names((*names, *REFERENCE))[0])


def brain_positions(rng: np.random.Generator, n: int, depth_m: float = 0.03) -> NDArray[np.float64]:
    """Random places at least ``depth_m`` under the scalp in the upper part of the head, (n, 3) metres."""
    directions = rng.standard_normal((n, 3))
    directions[:, 2] = np.abs(directions[:, 2]) - 0.3 * (rng.random(n) < 0.5)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return np.array(SPHERE_CENTRE) + directions * rng.uniform(0.4, 1.0, (n, 1)) * (HEAD_RADIUS - depth_m)


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Vectors of shape (n, 3) scaled to length one."""
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)

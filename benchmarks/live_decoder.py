"""Make the linear decoder that ships with the package, from generated listeners, and print what causal filters cost.

python benchmarks/live_decoder.py [--listeners 8] [--seconds 240] [--out src/mindleaf/live/decoders/synthetic]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mindleaf.datasets.synthesis.head import CAPS
from mindleaf.live.linear import LinearConfig, write_linear
from mindleaf.stages.live_fit import SYNTHETIC, causal_cost, fit_linear, framed, synthetic_listeners


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listeners", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=240.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("src/mindleaf/live/decoders/synthetic"))
    given = parser.parse_args()
    listeners = synthetic_listeners(given.listeners, given.seconds, given.seed)
    config = LinearConfig(channels=CAPS[SYNTHETIC.n_channels], fitted_on=f"{given.listeners} synthetic listeners, no person")
    cost = causal_cost(listeners, config)
    print(f"{config.window_s:g}-s windows of listeners left out: " + ", ".join(f"{name} {a:.3f}" for name, a in cost.items()))
    figures = {f"accuracy_{name.replace('-', '_')}": value for name, value in cost.items()}
    fitted, weights = fit_linear([framed(one, config) for one in listeners], config.model_copy(update={"figures": figures}))
    write_linear(given.out, fitted, weights)
    print(f"{given.out}: slope {fitted.slope:.2f}, {fitted.figures}")


if __name__ == "__main__":
    main()

"""Preparing takes the memory of a few blocks: neither longer recordings nor more of them take more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mindleaf.store.recording_entry import BLOCK_BYTES

ROOT = Path(__file__).resolve().parents[2]
MB = 128.0  # seconds of 4 channels at 512 Hz, float32
#: (number of recordings, seconds of each, settings); each step comes twice: written, then found unchanged.
STEPS = {
    "little": (2, 8 * MB, ()),
    "longer": (1, 32 * MB, ()),
    "four times as long": (1, 128 * MB, ()),
    "eight times as many": (16, 4 * MB, ()),
    "resampled to int16": (1, 32 * MB, ("max_sfreq=256", "dtype=int16")),
    "resampled, four times as long": (1, 128 * MB, ("max_sfreq=256", "dtype=int16")),
}
_CODE = """
import json, resource, shutil, sys
from pathlib import Path
from tests.store.generated import prepared, sources

for name, (n, seconds, settings) in json.loads(sys.argv[2]).items():
    for _ in range(2):
        store = prepared(Path(sys.argv[1]), sources(n, seconds, sfreq=512.0), tuple(settings))
    shutil.rmtree(sys.argv[1])
    print(json.dumps([name, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]), flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="asks the system for the peak of memory")
def test_memory_is_that_of_a_few_blocks(tmp_path):
    """The peak of one process, step after step: it may only rise where a larger block is first met."""
    command = [sys.executable, "-c", _CODE, str(tmp_path / "store"), json.dumps(STEPS)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    peak = dict(json.loads(line) for line in done.stdout.splitlines())
    block = BLOCK_BYTES / 1e6
    assert peak["four times as long"] - peak["longer"] < 0.5 * block, peak
    assert peak["eight times as many"] - peak["four times as long"] < 0.5 * block, peak
    assert peak["resampled, four times as long"] - peak["resampled to int16"] < 0.5 * block, peak

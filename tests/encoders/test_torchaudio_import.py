"""torchaudio is importable beside any build of torch."""

from __future__ import annotations

import subprocess
import sys


def test_what_braindecode_needs_can_be_imported_in_a_fresh_process():
    code = (
        "from mindleaf.encoders.torchaudio_import import import_torchaudio\n"
        "import_torchaudio()\n"
        "import_torchaudio()\n"
        "import torch, torchaudio\n"
        "from braindecode.models import EEGNet, Labram\n"
        "print(torchaudio.functional.melscale_fbanks(10, 0.0, 100.0, 5, 200).shape)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "torch.Size([10, 5])" in done.stdout

"""What a person is told while something takes long, without a terminal."""

from __future__ import annotations

from mindleaf.stages import progress


def test_a_log_gets_a_line_now_and_then(monkeypatch, capsys):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with progress.bar("benchmark", 10) as advance:
        for k in range(10):
            now[0] += 20
            advance(f"cell {k}")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "benchmark: 2 of 10, 3 min left (3.0/min) cell 1"
    assert len(lines) == 5


def test_quick_work_and_quiet_work_say_nothing(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    for step_s, quiet in ((2.0, False), (200.0, True)):
        with progress.bar("prepare", 3, quiet) as advance:
            for _ in range(3):
                now[0] += step_s
                advance()
    assert capsys.readouterr().err == ""

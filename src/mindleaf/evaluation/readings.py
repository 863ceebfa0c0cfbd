"""What a system reads of its test windows beyond the windows themselves."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from mindleaf.preprocessing.pipeline import Pipeline
from mindleaf.store.examples import Examples


@dataclass(frozen=True, eq=False)
class WatchedExamples(Examples):
    """Examples that note the pipelines they are read through, parts taken from them included."""

    pipelines: set[Pipeline] = field(default_factory=set)

    @classmethod
    def of(cls, examples: Examples) -> WatchedExamples:
        return cls(**{one.name: getattr(examples, one.name) for one in fields(Examples)})

    def eeg(self, pipeline: Pipeline, *args: Any, **options: Any):
        self.pipelines.add(pipeline)
        return super().eeg(pipeline, *args, **options)

    @property
    def transductive(self) -> bool:
        """Whether a window was scaled by its whole recording, which test windows are part of. No label is read."""
        return any(pipeline.normalise == "recording" for pipeline in self.pipelines)

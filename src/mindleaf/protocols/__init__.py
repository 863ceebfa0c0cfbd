"""Door 4: from the table of trials to folds."""

from mindleaf.protocols.data_efficiency import DataEfficiency
from mindleaf.protocols.datasets import CrossDataset, with_test_trials
from mindleaf.protocols.few_shot import FewShot
from mindleaf.protocols.protocol import Protocol, able_protocols
from mindleaf.protocols.split_file import read_folds, read_split_facts, write_folds
from mindleaf.protocols.stimuli import LeaveOnePairOut, LeaveOneStimulusOut
from mindleaf.protocols.strangers import CrossSubjectAndStimulus
from mindleaf.protocols.subjects import CrossSession, CrossSubject, LeaveOneSubjectOut
from mindleaf.protocols.trials import BetweenTrial, WithinSubject
from mindleaf.protocols.windows import Blocked, RandomWindows

PROTOCOLS: dict[str, type[Protocol]] = {
    "within_subject": WithinSubject,
    "between_trial": BetweenTrial,
    "leave_one_stimulus_out": LeaveOneStimulusOut,
    "leave_one_pair_out": LeaveOnePairOut,
    "leave_one_subject_out": LeaveOneSubjectOut,
    "cross_subject": CrossSubject,
    "cross_subject_and_stimulus": CrossSubjectAndStimulus,
    "cross_session": CrossSession,
    "cross_dataset": CrossDataset,
    "few_shot": FewShot,
    "data_efficiency": DataEfficiency,
    "random_windows": RandomWindows,
    "blocked": Blocked,
}

__all__ = [
    "PROTOCOLS",
    "BetweenTrial",
    "Blocked",
    "CrossDataset",
    "CrossSession",
    "CrossSubject",
    "CrossSubjectAndStimulus",
    "DataEfficiency",
    "FewShot",
    "LeaveOnePairOut",
    "LeaveOneStimulusOut",
    "LeaveOneSubjectOut",
    "Protocol",
    "RandomWindows",
    "WithinSubject",
    "able_protocols",
    "read_folds",
    "read_split_facts",
    "with_test_trials",
    "write_folds",
]

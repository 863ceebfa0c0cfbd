"""What each control asks, for readers who have never audited a decoder."""

from __future__ import annotations

CONTROLS: dict[str, tuple[str, str]] = {
    "eeg_permuted": (
        "EEG of another trial",
        "Each window gets the EEG of another trial. Whoever needs the brain must now guess.",
    ),
    "eeg_noise": ("EEG replaced by noise", "There is no brain in the data any more. Scores above chance come from a leak."),
    "eeg_zeroed": ("EEG silenced", "Only the audio is left. Scores above chance mean that the audio alone gives the answer."),
    "answers_hidden": ("Answers hidden", "The test answers are scrambled. A prediction that moves has read them."),
    "audio_shifted": (
        "Same voice, other time",
        "The attended audio stands against other moments of itself. A system that follows the brain still finds the true one.",
    ),
    "order_swapped": ("Order reversed", "The streams are listed in reverse. The same stream must be chosen."),
    "batch_size": ("Windows alone or together", "A window's score must not depend on the windows predicted beside it."),
    "trial_permutation": (
        "Luck at the level of trials",
        "Answers of whole trials are exchanged many times. p says how often luck does as well.",
    ),
    "group_overlap": (
        "What training and test share",
        "Subjects, trials, stimuli and seconds that stand on both sides of the split.",
    ),
    "duplicate_signals": ("Copied signals", "The same signal under two names, found by content: renamed, rescaled or cut."),
    "labels_permuted": (
        "Trained on exchanged labels",
        "Training again with the answers exchanged between trials. What is still scored was never learnt.",
    ),
    "untrained": ("Before training", "The same network with random weights. It must guess."),
    "trial_identifiability": (
        "Fingerprints of trials",
        "How well plain band power tells which trial a window comes from. A split must not let it matter.",
    ),
    "fit_on_train_only": (
        "Fitted on training data only",
        "Training again with all test material turned into noise. Predictions must stay the same.",
    ),
}

STATUS = {"pass": "pass", "fail": "FAIL", "skipped": "skipped"}

MARKS = {
    "LEAKY": (
        "This split is leaky: windows of the same trial stand in training and in test. EEG recognises its own trial, so the "
        "scores below say how well trials are recognised, not how well the task is solved. They are shown for comparison with "
        "published work that splits this way."
    ),
    "WITHIN-TRIAL": (
        "Training and test are cut from the same trials, with a gap between them. The scores below hold for these trials; they "
        "are no evidence for a new trial, day or person."
    ),
}

HOW_TO_READ = (
    ("Chance", "What a system without any information gets. A score is only as good as its distance from chance."),
    (
        "Interval",
        "The range in which the score plausibly lies for other people or trials like these (95 %). It resamples subjects, or "
        "trials where there are fewer than five subjects; never single windows, which are not independent. With few of them "
        "it is widened by Student's t.",
    ),
    ("Luck limit", "The score that luck alone exceeds once in twenty with this number of trials. Below it, nothing is shown."),
    ("Floor", "Plain linear methods on the same windows. A large model that does not beat the floor has not earned its size."),
    (
        "Audit",
        "Experiments that take away what the answer should rest on. One FAIL is enough to distrust a score; skipped means that "
        "the control could not tell, which is not a pass.",
    ),
)

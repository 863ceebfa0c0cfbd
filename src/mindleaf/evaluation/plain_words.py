"""What each control asks, for readers who have never audited a decoder."""

from __future__ import annotations

#: Title; what is done; what a failure means.
CONTROLS: dict[str, tuple[str, str, str]] = {
    "eeg_permuted": (
        "EEG of another trial",
        "Each window gets the EEG of another trial. Whoever needs the brain must now guess.",
        "The answers come without the right EEG. They rest on the sound, the order, the split, or the answers themselves.",
    ),
    "eeg_noise": (
        "EEG replaced by noise",
        "Random numbers stand where the EEG was. There is no brain in the data any more.",
        "The system scores without any brain. Its score on the real data is no decoding.",
    ),
    "eeg_zeroed": (
        "EEG silenced",
        "The EEG is set to zero. Only the sound and the design are left.",
        "The sound alone gives the answer, for example because the louder voice was always the attended one. A system that zeros merely "
        "silence fails as well, where its score stays with EEG that is not its own.",
    ),
    "answers_hidden": (
        "Answers hidden",
        "The right answers of the test are scrambled before the system predicts. Nothing may change.",
        "The system reads the answer that it is asked for. The score means nothing.",
    ),
    "audio_shifted": (
        "Same voice, other time",
        "The attended sound stands against other moments of the same sound. A system that follows the brain still finds the true one.",
        "The system knows who speaks, or how loud, but not what the brain follows.",
    ),
    "order_swapped": (
        "Order reversed",
        "The sounds are listed in reverse order. The same sound must be chosen.",
        "The place in the list decides. Where lists have a habit, this scores without decoding.",
    ),
    "batch_size": (
        "Windows alone or together",
        "Windows are predicted alone and in other company. The score of a window must stay the same.",
        "The system uses the whole test set at once. A user who has one window at a time will not get this score.",
    ),
    "shortcuts": (
        "Shortcuts without the brain",
        "A simple counter that never looks at brain waves guesses the answer from one plain fact at a time: how loud, how long, when in "
        "the session, who, how strong the signal, which sound fits the time in the trial. It is trained and tested on the same split, and must not do better than luck.",
        "The way the data were recorded gives the answer away by the fact that is named. A system can pick it up and look as if it decoded.",
    ),
    "window_evidence": (
        "What the EEG of a window adds",
        "The score with the EEG, minus the best score without it. This is the part that the brain can have made.",
        "Taking the EEG away costs nothing, so the EEG made none of the score.",
    ),
    "aggregation": (
        "What adding windows up makes",
        "Many weak windows added up make a strong trial, by arithmetic alone. Trials are dealt anew from the windows of other trials to see how "
        "strong; real trials must not be stronger. Windows with another trial's EEG, added up in the same way, must stay at luck.",
        "Whole trials know more than their windows. Something placed in each trial, such as a marker, tells the answer.",
    ),
    "trial_permutation": (
        "Luck at the level of trials",
        "The answers of whole trials are drawn anew many times. p says how often luck then does as well as the system.",
        "The report claims a score above chance that luck reaches too often with this few trials.",
    ),
    "pretraining_contamination": (
        "Seen in an earlier training",
        "People, sounds and signals of earlier training are looked up in the test by their content, also under other names, at another "
        "sampling rate or cut.",
        "The model had met what it is tested on. Its score says nothing about what is new to it.",
    ),
    "group_overlap": (
        "What training and test share",
        "People, visits, trials, sounds and seconds that stand on both sides of the split are counted.",
        "The split does not keep its word, or its kind is known to leak. The test is not new to the system.",
    ),
    "duplicate_signals": (
        "Copied signals",
        "All recordings are compared by content, which finds one signal under two names, rescaled, resampled or cut.",
        "The same signal was used for training and for testing.",
    ),
    "labels_permuted": (
        "Trained on exchanged labels",
        "The system is trained again with the answers exchanged between trials. What it still scores was never learnt.",
        "The score is there without anything to learn from. It leaks in from elsewhere.",
    ),
    "untrained": (
        "Before training",
        "The same network with random weights. It must guess.",
        "The network knows the answer before it has learnt anything: its build or its rule of decision is told.",
    ),
    "trial_identifiability": (
        "Fingerprints of trials",
        "Plain band power guesses which trial a window comes from. It often can; then no trial may stand on both sides of the split.",
        "A system can recognise the trial and remember its answer. That is not decoding.",
    ),
    "subject_identifiability": (
        "Fingerprints of people",
        "Band power guesses whose EEG it is. It nearly always can; then knowing the person must not give the answer.",
        "A system can recognise the person and remember the answer. That is not decoding.",
    ),
    "session_identifiability": (
        "Fingerprints of visits",
        "Band power guesses at which visit the EEG was recorded. Knowing the visit must not give the answer.",
        "A system can recognise the visit and remember the answer. That is not decoding.",
    ),
    "fit_on_train_only": (
        "Fitted on training data only",
        "The system is trained again with all test material turned into noise. Its predictions must stay the same.",
        "The training looked at the test, for example to scale or to select. The test is not unseen.",
    ),
}

#: The same for systems that are told in words what to do; other systems have no such rows.
LANGUAGE_CONTROLS: dict[str, tuple[str, str, str]] = {
    "instruction_wrong_task": (
        "Asked something else",
        "The system is given the instruction of another task. One that listens to words should do worse.",
        "It does better when asked wrongly: its instruction misleads it.",
    ),
    "instruction_shuffled": (
        "Words in disorder",
        "The words of the instruction are shuffled. One that reads sentences should do worse.",
        "It does better with words in disorder: its instruction misleads it.",
    ),
    "instruction_constant": (
        "One constant word",
        "A single word that means nothing here stands in place of the instruction.",
        "It does better when told nothing: its instruction misleads it.",
    ),
    "labels_random_vectors": (
        "Labels without meaning",
        "The system is trained again with random vectors in place of the texts of the labels: codes without language.",
        "Random codes serve better than the texts. What the labels mean is in the way.",
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

TRANSDUCTIVE = (
    "Each recording was scaled by its own whole signal, test windows included. No label is read, but a user with one window at a "
    "time cannot do it; compare with systems that were given the same (pipeline.normalise=recording)."
)

#: From which mean share on (``labels_in_training``) what is to be expected of labels that training has not had.
ZERO_SHOT = (
    (0.5, "they combine what training told apart, so more than chance can be hoped for"),
    (0.25, "they are known in part"),
    (0.0, "training never met what tells them apart, so nothing but chance is to be expected"),
)

HOW_TO_READ = (
    ("Chance", "What a system without any information gets. A score is only as good as its distance from chance."),
    (
        "Interval",
        "The range in which the score plausibly lies for other people or trials like these (95 %). It resamples subjects, or "
        "trials where there are fewer than five subjects; never single windows, which are not independent. With few of them "
        "it is widened by Student's t.",
    ),
    ("Luck limit", "The score that luck alone exceeds once in twenty with this number of trials. Below it, nothing is shown."),
    (
        "Calibration error",
        "How far what a system says (80 % sure) lies from how often it is right, of systems that say how sure they are; lower is better, and "
        "one that knows nothing and says so has none. Noise alone makes it larger than zero: in brackets what a perfectly calibrated system "
        "would show on these windows, on average and once in twenty times. Systems that train with balanced classes speak of balanced classes.",
    ),
    ("Floor", "Plain linear methods on the same windows. A large model that does not beat the floor has not earned its size."),
    (
        "Audit",
        "Experiments that take away what the answer should rest on. One FAIL is enough to distrust a score; skipped means that "
        "the control could not tell, which is not a pass.",
    ),
)

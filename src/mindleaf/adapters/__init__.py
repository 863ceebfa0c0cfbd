"""Our plain modules in other people's clothes: scikit-learn (and MOABB), braindecode, the Hugging Face hub."""

"""Guarded readers: one signal, audio or .mat file, opened in a killable child process, with a second look at its header."""

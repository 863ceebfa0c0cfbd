"""Live decoding: sources of blocks, a decoder that is a pure state machine, a session that runs one against the other."""

"""Captures with what was found written into them: the input itself, or one interface for every hop of a replay."""

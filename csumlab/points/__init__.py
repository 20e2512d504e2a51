"""Two capture points: which packet of the one capture is which of the other, and what became of its checksums in between.

``sightings`` makes rows, ``clocks`` finds how far the clocks are apart, ``pairing`` and ``spans`` find partners, ``changes`` says what
became of each checksum, ``tallies`` adds up, ``predicting`` asks the model, ``items`` says it in sentences, ``comparing`` is the whole.
"""

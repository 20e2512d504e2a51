"""The symbolic interpreter: a packet of a class as linear forms, one triple (P, D, F) per checksum.

P is the pseudo-header's sum, D the sum of the covered bytes without the field, F the field; r = P + D + F is 0 for a right sum and
g = F - P is 0 for a partial one. Every operation is a word change: it adds its difference to the D of each checksum that covers the word
and to the P of each whose pseudo-header holds it, and a written field is a word of every sum around it. docs/model.md has the algebra.
"""

"""A topology from a live host: a script that dumps it, readers of the dump, and a writer that says what is known and what is a default."""
